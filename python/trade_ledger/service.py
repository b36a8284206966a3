"""Performance questions, and recording that never interrupts trading."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from ._native import Outcome, TradeLedgerEntry
from .errors import TradeLedgerError
from .ledger import LocalTradeLedger, Prices
from .schemas import Lot, PerformanceSummary

_MONEY = frozenset(
    ("current_price", "total_realized_pnl", "total_unrealized_pnl", "total_open_quantity", "realized_pnl")
    + ("unrealized_pnl", "open_quantity", "average_cost_basis", "total_fees", "quantity", "cost_basis")
)


def _decimals(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: Decimal(v) if k in _MONEY and isinstance(v, str) else _decimals(v) for k, v in value.items()}
    return [_decimals(item) for item in value] if isinstance(value, list) else value


class TradePerformanceService:
    """Answers over a ledger; every figure is the ledger's own."""

    def __init__(self, ledger: LocalTradeLedger) -> None:
        """Asks `ledger`; keeps no state."""
        self._ledger = ledger

    def get_strategy_performance(
        self, strategy_name: str, current_prices: Prices | None = None
    ) -> list[PerformanceSummary]:
        """One strategy by symbol, its total last."""
        return self._ledger.calculate_performance(strategy_name, None, current_prices)

    def get_symbol_performance(self, symbol: str, current_prices: Prices | None = None) -> list[PerformanceSummary]:
        """One symbol by strategy."""
        return self._ledger.calculate_performance(None, symbol, current_prices)

    def get_all_performance(self, current_prices: Prices | None = None) -> list[PerformanceSummary]:
        """Every strategy and symbol, each strategy's total after its symbols."""
        return self._ledger.calculate_performance(None, None, current_prices)

    def get_open_positions(self, strategy_name: str | None = None, symbol: str | None = None) -> list[Lot]:
        """The open lots."""
        return self._ledger.get_open_lots(strategy_name, symbol)

    def _rows(self, strategy: str | None, symbol: str | None, prices: Prices | None = None) -> list[PerformanceSummary]:
        rows = self._ledger.calculate_performance(strategy, symbol, prices)
        return [row for row in rows if row.symbol is not None]

    def get_realized_pnl(self, strategy_name: str | None = None, symbol: str | None = None) -> Decimal:
        """Gross realized profit and loss, in currency."""
        return sum((row.realized_pnl for row in self._rows(strategy_name, symbol)), Decimal(0))

    def get_unrealized_pnl(
        self, strategy_name: str | None = None, symbol: str | None = None, current_prices: Prices | None = None
    ) -> Decimal | None:
        """Profit and loss of what is open, in currency; None when something open has no price."""
        parts = [row.unrealized_pnl for row in self._rows(strategy_name, symbol, current_prices)]
        known = [part for part in parts if part is not None]
        return sum(known, Decimal(0)) if len(known) == len(parts) else None

    def get_attribution_report(self, symbol: str, current_prices: Prices | None = None) -> dict[str, Any]:
        """Who made what in `symbol`, and who holds what; numbers are `Decimal`."""
        report: dict[str, Any] = _decimals(self._ledger.attribution(symbol, current_prices))
        return report

    def verify_attribution_consistency(self, symbol: str | None = None) -> bool:
        """Whether strategies sum to the account after every fill; checks all symbols, whatever is asked."""
        return bool(self._ledger.verify()["broken_laws"] == [])


class TradeLedgerWriter:
    """Records without ever interrupting the caller: a failure is logged and answered with False or a count."""

    def __init__(self, ledger: LocalTradeLedger) -> None:
        """Writes to `ledger`."""
        self._ledger = ledger
        self._log = logging.getLogger("trade_ledger")

    def write_entry(self, entry: TradeLedgerEntry) -> bool:
        """Whether the entry is in the ledger now, newly or already."""
        try:
            self._ledger.upsert(entry)
        except TradeLedgerError as error:
            self._log.error("fill %s not recorded: %s", "||".join(entry.get_unique_key()), error)
            return False
        return True

    def write_entries(self, entries: Iterable[TradeLedgerEntry]) -> int:
        """How many of the entries are in the ledger now, newly or already."""
        batch = list(entries)
        try:
            outcomes: list[Outcome] = self._ledger.upsert_many(batch)
        except TradeLedgerError as error:
            self._log.error("%d fills not recorded: %s", len(batch), error)
            return 0
        for outcome in outcomes:
            if outcome.status not in ("inserted", "duplicate"):
                self._log.error("fill not recorded: %s", outcome.reason)
        return sum(outcome.status in ("inserted", "duplicate") for outcome in outcomes)
