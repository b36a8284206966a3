"""The package itself: its stubs, its types, and the seed's calls under the existing system's module paths."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import trade_ledger
from trade_ledger import _native

STUB = Path(trade_ledger.__file__).parent / "_native.pyi"


def test_the_stub_and_the_module_name_the_same() -> None:
    classes = [node for node in ast.parse(STUB.read_text()).body if isinstance(node, ast.ClassDef)]
    public = {name for name in dir(_native) if not name.startswith("_")}
    assert {node.name for node in classes} == public
    for node in classes:
        stubbed = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
        stubbed = {name for name in stubbed if not name.startswith("_")}
        assert stubbed == {name for name in dir(getattr(_native, node.name)) if not name.startswith("_")}, node.name


def test_every_public_name_has_a_docstring() -> None:
    bare = [name for name in trade_ledger.__all__ if not getattr(trade_ledger, name).__doc__]
    assert bare == []


def test_mypy_strict_accepts_the_example(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    example = Path(__file__).parent / "example.py"
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", example], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_example_runs(tmp_path: Path) -> None:
    example = Path(__file__).parent / "example.py"
    done = subprocess.run([sys.executable, example], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "A 300\nB 200\n"), done.stderr


def test_the_existing_systems_calls_run_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("the_alchemiser", reason="trade-ledger-alchemiser is not installed")
    monkeypatch.setenv("TRADE_LEDGER_BASE_PATH", str(tmp_path))
    from datetime import UTC, datetime, timedelta
    from decimal import Decimal

    from the_alchemiser.shared.persistence.local_trade_ledger import LocalTradeLedger
    from the_alchemiser.shared.persistence.trade_ledger_factory import get_default_trade_ledger
    from the_alchemiser.shared.protocols.trade_ledger import TradeLedger
    from the_alchemiser.shared.schemas.trade_ledger import TradeLedgerEntry, TradeLedgerQuery, TradeSide
    from the_alchemiser.shared.services.trade_ledger_writer import TradeLedgerWriter
    from the_alchemiser.shared.services.trade_performance_service import TradePerformanceService

    ledger = get_default_trade_ledger()
    assert isinstance(ledger, LocalTradeLedger)
    checked: TradeLedger = ledger
    entry = TradeLedgerEntry(
        ledger_id="uuid4",
        event_id="execution-...",
        correlation_id="uuid4",
        causation_id="uuid4",
        strategy_name="nuclear",
        symbol="AAPL",
        side=TradeSide.BUY,
        quantity=Decimal("100"),
        price=Decimal("150.00"),
        fees=Decimal("1.00"),
        timestamp=datetime.now(UTC),
        order_id="broker-order-123",
        account_id="account-1",
        venue="ALPACA",
        schema_version=1,
        source="execution_v2.core",
    )
    assert TradeLedgerWriter(ledger).write_entry(entry)
    query = TradeLedgerQuery(strategy_name="nuclear", limit=100, order_by="timestamp", ascending=False)
    assert list(checked.query(query)) == [entry]
    start_date = datetime.now(UTC) - timedelta(days=7)
    assert list(ledger.query(TradeLedgerQuery(symbol="AAPL", start_date=start_date))) == [entry]
    service = TradePerformanceService(ledger)
    assert len(service.get_all_performance()) == len(service.get_strategy_performance("nuclear")) == 2
    assert len(service.get_symbol_performance("AAPL")) == 1
    assert service.get_attribution_report("AAPL")["strategies"]["nuclear"]["open_quantity"] == 100
