"""The ledger as its callers use it; figures come from the compiled half."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from os import PathLike
from typing import Any, Protocol

from ._native import Ledger, Outcome, TradeLedgerEntry
from .errors import ConflictError, InvalidInputError, OutcomeUnknownError
from .schemas import AccountValueEntry, AccountValueQuery, Lot, PerformanceSummary, TradeLedgerQuery

Prices = Mapping[str, Decimal | float | int | str]


class TradeLedger(Protocol):
    """What every ledger does."""

    def upsert(self, entry: TradeLedgerEntry) -> Outcome: ...
    def upsert_many(self, entries: Iterable[TradeLedgerEntry]) -> list[Outcome]: ...
    def query(self, query: TradeLedgerQuery | None = None) -> list[TradeLedgerEntry]: ...
    def get_open_lots(self, strategy: str | None = None, symbol: str | None = None) -> list[Lot]: ...
    def calculate_performance(
        self, strategy: str | None = None, symbol: str | None = None, current_prices: Prices | None = None
    ) -> list[PerformanceSummary]: ...
    def get_ledger_entries_by_order(self, order_id: str) -> list[TradeLedgerEntry]: ...
    def verify_integrity(self) -> bool: ...


def _marks(prices: Prices | None) -> list[tuple[str, str]]:
    # a float by its shortest decimal form
    return [
        (symbol, repr(price) if isinstance(price, float) else str(price)) for symbol, price in (prices or {}).items()
    ]


class LocalTradeLedger:
    """A ledger in a local directory (`ledger.jsonl`), durable before it answers.

    May be shared between threads and opened by many processes; a forked child opens it anew by itself.
    """

    def __init__(self, base_path: str | PathLike[str] | None = None) -> None:
        """Opens `base_path`, else TRADE_LEDGER_BASE_PATH, else ./data/trade_ledger; creates nothing yet."""
        self._ledger = Ledger(base_path)

    @property
    def base_path(self) -> str:
        """The directory."""
        return str(self._ledger.path)

    def __repr__(self) -> str:
        return f"LocalTradeLedger({self.base_path!r})"

    def __reduce__(self) -> tuple[type[LocalTradeLedger], tuple[str]]:
        return (type(self), (self.base_path,))

    def upsert(self, entry: TradeLedgerEntry) -> Outcome:
        """Records one entry; gives `inserted` or `duplicate`.

        Raises ConflictError with both versions, OutcomeUnknownError, or what the store says.
        """
        (outcome,) = self._ledger.record([entry])
        if outcome.status == "conflict":
            raise ConflictError(outcome.reason, outcome.fields, outcome.recorded, outcome.offered)
        if outcome.status == "unknown":
            raise OutcomeUnknownError(outcome.reason)
        return outcome

    def upsert_many(self, entries: Iterable[TradeLedgerEntry], *, all_or_nothing: bool = False) -> list[Outcome]:
        """Records entries; one outcome each, in order. A conflict is an outcome here and blocks nobody."""
        return self._ledger.record(
            entries if isinstance(entries, list) else list(entries), all_or_nothing=all_or_nothing
        )

    def query(self, query: TradeLedgerQuery | None = None) -> list[TradeLedgerEntry]:
        """The fills that match, in order."""
        return self._ledger.query(**(query or TradeLedgerQuery()).model_dump())

    def get_ledger_entries_by_order(self, order_id: str) -> list[TradeLedgerEntry]:
        """The fills of one order, in replay order."""
        return self._ledger.query(order_id=order_id)

    def get_open_lots(self, strategy: str | None = None, symbol: str | None = None) -> list[Lot]:
        """The open lots, oldest first; `unattributed` names the book without a strategy."""
        return [Lot.model_validate(lot) for lot in self._report("open_lots", strategy=strategy, symbol=symbol)]

    def calculate_performance(
        self, strategy: str | None = None, symbol: str | None = None, current_prices: Prices | None = None
    ) -> list[PerformanceSummary]:
        """The figures by strategy and symbol, each strategy's total (symbol None) after its symbols.

        Without a price, what is open has no value: `unrealized_pnl` is None.
        """
        rows = self._report("performance", strategy=strategy, symbol=symbol, prices=_marks(current_prices))
        return [PerformanceSummary.model_validate(row) for row in rows]

    def get_closed_lots(self, strategy: str | None = None, symbol: str | None = None) -> list[dict[str, Any]]:
        """Every closed lot as `docs/JSON.md` describes it, in the order they were closed."""
        closed: list[dict[str, Any]] = self._report("closed_lots", strategy=strategy, symbol=symbol)
        return closed

    def attribution(self, symbol: str, current_prices: Prices | None = None) -> dict[str, Any]:
        """Who made what in one symbol, as `docs/JSON.md` describes it; decimals are `Decimal`."""
        if not symbol.strip():
            raise InvalidInputError("field `symbol`: is empty")
        report: dict[str, Any] = self._report("attribution", symbol=symbol, prices=_marks(current_prices))
        return report

    def log_account_value(self, entry: AccountValueEntry) -> None:
        """Logs what an account was worth, durably. Of one account and UTC day the later instant counts."""
        self._ledger.log_account_value(entry.model_dump_json())

    def query_account_values(self, query: AccountValueQuery | None = None) -> list[AccountValueEntry]:
        """The values that match, one per account and day, by time."""
        wanted = query or AccountValueQuery()
        values = [AccountValueEntry.model_validate(value) for value in json.loads(self._ledger.account_values())]
        found = [
            value
            for value in values
            if (wanted.account_id is None or value.account_id == wanted.account_id)
            and (wanted.start_date is None or value.timestamp >= wanted.start_date)
            and (wanted.end_date is None or value.timestamp <= wanted.end_date)
        ]
        return (found if wanted.ascending else found[::-1])[: wanted.limit]

    def get_latest_account_value(self, account_id: str) -> AccountValueEntry | None:
        """The account's last value; None without one."""
        found = self.query_account_values(AccountValueQuery(account_id=account_id, limit=1, ascending=False))
        return found[0] if found else None

    def verify_integrity(self) -> bool:
        """Whether every line can be read and every law of the accounting holds; `verify` says what does not."""
        return bool(self.verify()["ok"])

    def verify(self) -> dict[str, Any]:
        """What a full reading of the ledger found: `ok`, `file`, `broken_laws`."""
        found: dict[str, Any] = json.loads(self._ledger.verify())
        return found

    def _report(self, kind: str, **options: Any) -> Any:
        return json.loads(self._ledger.report(kind, **options))
