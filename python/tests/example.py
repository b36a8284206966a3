"""The README's Python session: `python example.py` in an empty directory."""

from datetime import UTC, datetime
from decimal import Decimal

from trade_ledger import LocalTradeLedger, TradeLedgerEntry, TradePerformanceService, TradeSide


def fill(order: str, strategy: str | None, side: TradeSide, quantity: str, price: str) -> TradeLedgerEntry:
    """A fill; give every one its own order and execution id."""
    return TradeLedgerEntry(
        ledger_id=f"ledger-{order}",
        event_id="event",
        correlation_id="run",
        causation_id="run",
        strategy_name=strategy,
        symbol="AAPL",
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        timestamp=datetime(2024, 1, int(order), 15, tzinfo=UTC),
        order_id=order,
        fill_id="1",
        source="example",
    )


ledger = LocalTradeLedger("./data/trade_ledger")
ledger.upsert_many(
    [
        fill("2", "A", TradeSide.BUY, "60", "100.00"),
        fill("3", "B", TradeSide.BUY, "40", "100.00"),
        fill("10", None, TradeSide.SELL, "50", "110.00"),
    ]
)
service = TradePerformanceService(ledger)
for strategy in ("A", "B"):
    print(strategy, service.get_realized_pnl(strategy))
