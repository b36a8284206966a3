"""The ledger from Python: what the issue's users call, on a local directory."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import threading
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trade_ledger as tl
from trade_ledger import LocalTradeLedger, TradeLedgerEntry, TradeLedgerQuery, TradePerformanceService, TradeSide


def fill(number: int = 1, **changes: Any) -> TradeLedgerEntry:
    """A fill of its own key."""
    fields: dict[str, Any] = {
        "ledger_id": f"ledger-{number}",
        "event_id": "event",
        "correlation_id": "correlation",
        "causation_id": "causation",
        "strategy_name": "A",
        "symbol": "AAPL",
        "side": TradeSide.BUY,
        "quantity": Decimal(60),
        "price": Decimal("100.00"),
        "fees": Decimal("1.00"),
        "timestamp": datetime(2024, 1, 2, 15, 0, number % 60, tzinfo=UTC),
        "order_id": f"order-{number}",
        "fill_id": f"fill-{number}",
        "source": "test",
    }
    return TradeLedgerEntry(**{**fields, **changes})


def example(path: Path) -> LocalTradeLedger:
    """A buys 60, B buys 40, the account sells 50 untagged."""
    ledger = LocalTradeLedger(path)
    sale = fill(3, strategy_name=None, side="SELL", quantity="50", price="110")
    ledger.upsert_many([fill(1), fill(2, strategy_name="B", quantity="40"), sale])
    return ledger


def test_the_seeds_example_is_attributed_300_to_a_and_200_to_b(tmp_path: Path) -> None:
    service = TradePerformanceService(example(tmp_path))
    assert service.get_realized_pnl("A") == 300
    assert service.get_realized_pnl("B", "AAPL") == 200
    assert service.get_realized_pnl() == 500
    assert service.get_unrealized_pnl("A") is None
    assert service.get_unrealized_pnl("A", current_prices={"AAPL": 112.5}) == 375
    assert [lot.remaining_quantity for lot in service.get_open_positions()] == [30, 20]
    report = service.get_attribution_report("aapl")
    assert report["strategies"]["A"]["realized_pnl"] == Decimal(300)
    assert service.verify_attribution_consistency()
    assert len(service.get_all_performance()) == 4
    assert [row.symbol for row in service.get_strategy_performance("A")] == ["AAPL", None]
    assert [row.strategy_name for row in service.get_symbol_performance("AAPL")] == ["A", "B"]


def test_a_repeat_is_a_duplicate_and_a_contradiction_raises_both_versions(tmp_path: Path) -> None:
    ledger = LocalTradeLedger(tmp_path)
    assert ledger.upsert(fill()).status == "inserted"
    assert ledger.upsert(fill()).status == "duplicate"
    assert ledger.upsert(fill(fees="2")).fields == ["fees"]
    with pytest.raises(ValueError, match="price differs") as caught:
        ledger.upsert(fill(price="101"))
    assert isinstance(caught.value, tl.ConflictError)
    assert caught.value.recorded == fill() and caught.value.offered == fill(price="101")
    outcomes = ledger.upsert_many([fill(price="101"), fill(2)])
    assert [outcome.status for outcome in outcomes] == ["conflict", "inserted"]
    with pytest.raises(tl.BatchRefusedError):
        ledger.upsert_many([fill(price="101"), fill(3)], all_or_nothing=True)
    assert len(ledger.query()) == 2
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.recorded == fill() and str(again) == str(caught.value)


def test_queries_filter_order_and_page(tmp_path: Path) -> None:
    ledger = example(tmp_path)
    newest = ledger.query(TradeLedgerQuery(limit=1, order_by="timestamp", ascending=False))
    assert [entry.order_id for entry in newest] == ["order-3"]
    assert [e.order_id for e in ledger.query(TradeLedgerQuery(strategy_name="B"))] == ["order-2"]
    naive = datetime(2024, 1, 2, 15, 0, 2)
    assert len(ledger.query(TradeLedgerQuery(symbol="aapl", start_date=naive))) == 2
    assert len(ledger.query(TradeLedgerQuery(side=TradeSide.SELL, offset=1))) == 0
    assert ledger.get_ledger_entries_by_order("order-1") == [fill(1)]
    assert ledger.verify_integrity()
    with pytest.raises(tl.InvalidInputError, match="order_by"):
        TradeLedgerQuery(order_by="price")


@pytest.mark.parametrize("field", ["quantity", "price", "fees"])
def test_a_float_is_a_type_error_that_says_what_to_use(field: str) -> None:
    with pytest.raises(TypeError, match=f"{field}.*Decimal or a string"):
        fill(**{field: 1.5})


def test_bad_fields_are_named_with_their_value() -> None:
    with pytest.raises(tl.InvalidInputError, match=r"`quantity`.*-1"):
        fill(quantity="-1")
    with pytest.raises(tl.InvalidInputError, match="`side`.*HOLD"):
        fill(side="HOLD")
    with pytest.raises(tl.InvalidInputError, match="`order_id`: is required"):
        fill(order_id=None)
    with pytest.raises(TypeError, match="no field `quantty`"):
        fill(quantty="1")
    with pytest.raises(AttributeError):
        fill().price = Decimal(1)  # type: ignore[misc]


def test_times_are_utc_and_nanoseconds_are_kept() -> None:
    naive = fill(timestamp=datetime(2024, 1, 2, 15))
    eastern = fill(timestamp=datetime(2024, 1, 2, 10, tzinfo=timezone(timedelta(hours=-5))))
    assert naive == eastern and naive.timestamp == datetime(2024, 1, 2, 15, tzinfo=UTC)
    fine = fill(timestamp="2024-01-02T15:00:00.123456789Z")
    assert fine.timestamp.microsecond == 123456 and fine.timestamp_ns % 1000 == 789
    assert TradeLedgerEntry.model_validate(fine.model_dump()) == fine
    assert fine.model_dump(mode="json")["timestamp"] == "2024-01-02T15:00:00.123456789+00:00"


def test_values_derived_of_an_entry() -> None:
    entry = fill(price="100.10")
    assert (entry.total_value, entry.net_value) == (Decimal("6006.00"), Decimal("6007.00"))
    assert fill(side="SELL").net_value == Decimal(5999)
    assert entry.get_unique_key() == ("order-1", "fill-1")
    assert fill(fill_id=None).get_unique_key() == ("order-1", "ledger-1")
    assert "quantity=Decimal('60')" in repr(entry)


decimals = st.decimals(min_value="0.00000001", max_value="99999999", places=8)
texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20)


@settings(max_examples=200, deadline=None)
@given(
    quantity=decimals,
    price=decimals,
    fees=st.decimals("-100", "100", places=4),
    notes=st.none() | st.text(st.characters(exclude_categories=("Cs",)), max_size=30),
    order_id=texts,
    timestamp=st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
    side=st.sampled_from(TradeSide),
    asset_type=st.none() | st.sampled_from(tl.AssetType),
    sequence=st.none() | decimals,
)
def test_every_entry_survives_dump_json_pickle_and_is_equal(**fields: Any) -> None:
    entry = fill(**fields)
    for again in (
        TradeLedgerEntry.model_validate(entry.model_dump()),
        TradeLedgerEntry.model_validate(json.loads(json.dumps(entry.model_dump(mode="json")))),
        TradeLedgerEntry.model_validate_json(entry.model_dump_json()),
        pickle.loads(pickle.dumps(entry)),
    ):
        assert again == entry and hash(again) == hash(entry)
        assert str(again.quantity) == str(entry.quantity) and again.timestamp == fields["timestamp"]


def test_reports_survive_dump_json_and_pickle(tmp_path: Path) -> None:
    ledger = example(tmp_path)
    made = [*ledger.get_open_lots(), *ledger.calculate_performance(None, None, {"AAPL": "112.5"})]
    query = TradeLedgerQuery(side=TradeSide.BUY, start_date=datetime(2024, 1, 1), limit=3)
    assert len(made) == 6
    for value in (*made, query):
        assert pickle.loads(pickle.dumps(value)) == value
        assert type(value).model_validate(value.model_dump()) == value
        assert type(value).model_validate(json.loads(value.model_dump_json())) == value
        assert hash(type(value).model_validate(value.model_dump())) == hash(value)


def test_unknown_fields_of_a_line_are_kept_to_the_digit() -> None:
    text = fill().model_dump_json()[:-1] + ',"vendor":{"x":1.10}}'
    entry = TradeLedgerEntry.model_validate_json(text)
    assert entry.extra_json == {"vendor": '{"x":1.10}'}
    assert TradeLedgerEntry.model_validate(entry.model_dump(mode="json")) == entry
    assert entry.model_dump_json() == text


def test_threads_hammering_one_ledger_lose_and_double_nothing(tmp_path: Path) -> None:
    ledger = LocalTradeLedger(tmp_path)
    inserted: list[int] = []

    def work() -> None:
        for number in range(25):
            outcomes = ledger.upsert_many([fill(number), fill(number + 100)])
            inserted.append(sum(outcome.status == "inserted" for outcome in outcomes))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(inserted) == 50 == len(ledger.query())
    assert ledger.verify_integrity()


def record_some(ledger: LocalTradeLedger, entry: TradeLedgerEntry) -> str:
    """Runs in another process; both arguments were pickled."""
    return ledger.upsert(entry).status


def test_ledgers_and_entries_go_to_other_processes(tmp_path: Path) -> None:
    ledger = LocalTradeLedger(tmp_path)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        outcomes = pool.starmap(record_some, [(ledger, fill(n)) for n in (1, 2, 2)])
    assert sorted(outcomes) == ["duplicate", "inserted", "inserted"]
    assert len(ledger.query()) == 2


def test_a_forked_child_records_beside_its_parent(tmp_path: Path) -> None:
    ledger = LocalTradeLedger(tmp_path)
    ledger.upsert(fill(0))
    child = os.fork()
    for number in range(1, 20):
        ledger.upsert(fill(number if child else number + 100))
    if child == 0:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert len(ledger.query()) == 39 and ledger.verify_integrity()


OLD_LINE = {
    "ledger_id": "7b0c", "event_id": "execution-1", "correlation_id": "c", "causation_id": "x", "order_id": "o-1",
    "client_order_id": None, "fill_id": "f-1", "strategy_name": "nuclear", "symbol": "AAPL", "asset_type": None,
    "side": "BUY", "quantity": "100", "price": "150.00", "fees": "1.00", "timestamp": "2024-01-15T14:30:00+00:00",
    "account_id": "a", "venue": "ALPACA", "schema_version": 1, "source": "execution_v2.core", "notes": None,
}  # fmt: skip


def test_a_directory_of_the_existing_system_opens_extends_and_stays_readable(tmp_path: Path) -> None:
    old = json.dumps(OLD_LINE) + "\n"
    (tmp_path / "ledger.jsonl").write_text(old)
    (tmp_path / "index.json").write_text(json.dumps({"o-1||f-1": "7b0c"}))
    ledger = LocalTradeLedger(tmp_path)
    (entry,) = ledger.query()
    assert (entry.strategy_name, entry.quantity, entry.venue) == ("nuclear", Decimal(100), "ALPACA")
    assert ledger.upsert(entry).status == "duplicate"
    assert ledger.upsert(fill()).status == "inserted"
    text = (tmp_path / "ledger.jsonl").read_text()
    assert text.startswith(old), "what was there is not rewritten"
    for line in text.splitlines():
        row = json.loads(line)
        assert Decimal(row["price"]) > 0 and datetime.fromisoformat(row["timestamp"]).tzinfo is not None
        assert {k for k in OLD_LINE if k != "notes"} <= row.keys()


def test_damage_is_an_error_of_its_own(tmp_path: Path) -> None:
    example(tmp_path)
    path = tmp_path / "ledger.jsonl"
    path.write_text(path.read_text().replace('"quantity":"60"', '"quantity":"61"'))
    ledger = LocalTradeLedger(tmp_path)
    assert not ledger.verify_integrity()
    with pytest.raises(tl.DamagedLedgerError, match="line 1"):
        ledger.query()


def test_live_trading_to_a_bucket_is_refused_not_diverted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRADE_LEDGER_BASE_PATH", str(tmp_path))
    monkeypatch.setenv("S3_BUCKET_NAME", "bucket")
    monkeypatch.delenv("ALPACA_ENDPOINT", raising=False)
    monkeypatch.setenv("ALPACA_PAPER_TRADING", "true")
    assert tl.get_default_trade_ledger().base_path == str(tmp_path)
    monkeypatch.setenv("ALPACA_PAPER_TRADING", "false")
    with pytest.raises(tl.NotSupportedError, match="bucket"):
        tl.get_default_trade_ledger()
    monkeypatch.setenv("ALPACA_ENDPOINT", "https://paper-api.example")
    assert tl.detect_paper_trading_from_environment()


def test_a_writer_never_raises_for_a_refused_fill(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = tl.TradeLedgerWriter(LocalTradeLedger(tmp_path))
    assert writer.write_entry(fill()) and not writer.write_entry(fill(price="7"))
    assert "price differs" in caplog.text
    assert writer.write_entries([fill(), fill(2), fill(2, symbol="B")]) == 2


def test_of_an_account_and_day_the_later_value_counts(tmp_path: Path) -> None:
    ledger = LocalTradeLedger(tmp_path)
    evening = datetime(2024, 1, 2, 21, tzinfo=UTC)
    values = [
        tl.AccountValueEntry(entry_id=str(n), account_id=account, portfolio_value=Decimal(worth), timestamp=at)
        for n, (account, worth, at) in enumerate(
            [("a", "10.50", evening), ("a", "11.00", evening), ("b", "7", evening), ("a", "12", evening + timedelta(1))]
        )
    ]
    for value in values:
        ledger.log_account_value(value)
        assert pickle.loads(pickle.dumps(value)) == value
    assert ledger.query_account_values(tl.AccountValueQuery(account_id="a")) == [values[1], values[3]]
    assert len(ledger.query_account_values()) == 3
    assert ledger.get_latest_account_value("a") == values[3]
    assert ledger.get_latest_account_value("c") is None
    assert str(values[1].portfolio_value) == "11.00"
    with pytest.raises(TypeError, match="portfolio_value"):
        tl.AccountValueEntry(entry_id="x", account_id="a", portfolio_value=1.5, timestamp=evening)  # type: ignore[arg-type]
