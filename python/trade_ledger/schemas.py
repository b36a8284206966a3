"""Data objects: immutable, keyword-constructed, compared and hashed by value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Self

from ._native import TradeLedgerEntry
from .errors import InvalidInputError

__all__ = [
    "AccountValueEntry",
    "AccountValueQuery",
    "AssetType",
    "Lot",
    "PerformanceSummary",
    "TradeLedgerEntry",
    "TradeLedgerQuery",
    "TradeSide",
]


class TradeSide(str, Enum):
    """The side of a fill."""

    BUY = "BUY"
    SELL = "SELL"


class AssetType(str, Enum):
    """The kind of instrument."""

    STOCK = "STOCK"
    ETF = "ETF"
    CRYPTO = "CRYPTO"
    OPTION = "OPTION"
    FUTURE = "FUTURE"


def _decimal(name: str, value: Any) -> Decimal:
    if isinstance(value, (float, bool)) or not isinstance(value, (Decimal, int, str)):
        raise TypeError(f"field `{name}`: use Decimal or a string, not {type(value).__name__} ({value!r})")
    try:
        number = Decimal(value)
    except ArithmeticError as error:
        raise InvalidInputError(f"field `{name}`: not a decimal number (value: {value!r})") from error
    if not number.is_finite():
        raise InvalidInputError(f"field `{name}`: not a finite number (value: {value!r})")
    return number


def _utc(name: str, value: Any) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise InvalidInputError(f"field `{name}`: not an RFC 3339 instant (value: {value!r})") from error
    if not isinstance(value, datetime):
        raise TypeError(f"field `{name}`: want a datetime, not {type(value).__name__} ({value!r})")
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _jsonable(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True, kw_only=True, slots=True)
class _Model:
    """What the data objects share."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            kind = str(field.type)
            if kind.startswith("Decimal"):
                object.__setattr__(self, field.name, _decimal(field.name, value))
            elif kind.startswith("datetime"):
                object.__setattr__(self, field.name, _utc(field.name, value))
            elif kind.startswith("tuple"):
                object.__setattr__(self, field.name, tuple(value))

    def model_dump(self, *, mode: str = "python") -> dict[str, Any]:
        """The fields as a dict; `mode="json"` gives what JSON can hold, decimals as strings."""
        if mode not in ("python", "json"):
            raise InvalidInputError(f'mode is "python" or "json", not {mode!r}')
        dump = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: _jsonable(value) for name, value in dump.items()} if mode == "json" else dump

    def model_dump_json(self) -> str:
        """The fields as JSON text."""
        return json.dumps(self.model_dump(mode="json"), separators=(",", ":"))

    @classmethod
    def model_validate(cls, value: Mapping[str, Any] | Self) -> Self:
        """An object of a mapping of fields; an object is given back as it is."""
        return value if isinstance(value, cls) else cls(**dict(value))  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True, slots=True)
class TradeLedgerQuery(_Model):
    """Which fills are wanted. Both dates are included; a naive datetime is UTC."""

    strategy_name: str | None = None
    symbol: str | None = None
    asset_type: AssetType | None = None
    side: TradeSide | None = None
    account_id: str | None = None
    order_id: str | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    limit: int | None = None
    offset: int = 0
    order_by: str = "timestamp"
    ascending: bool = True

    def __post_init__(self) -> None:
        _Model.__post_init__(self)
        if self.side is not None:
            object.__setattr__(self, "side", TradeSide(self.side))
        if self.asset_type is not None:
            object.__setattr__(self, "asset_type", AssetType(self.asset_type))
        if self.order_by not in ("timestamp", "symbol", "strategy_name"):
            raise InvalidInputError(
                f"field `order_by`: want timestamp, symbol or strategy_name (value: {self.order_by!r})"
            )
        if self.offset < 0 or (self.limit is not None and self.limit < 0):
            raise InvalidInputError("field `limit`, `offset`: must not be below zero")


@dataclass(frozen=True, kw_only=True, slots=True)
class Lot(_Model):
    """An open lot: quantities above zero on both sides, `side` is LONG or SHORT."""

    lot_id: str
    strategy_name: str | None
    symbol: str
    quantity: Decimal
    remaining_quantity: Decimal
    cost_basis: Decimal | None
    opened_timestamp: datetime
    opening_ledger_ids: tuple[str, ...] = ()
    side: str = "LONG"
    account_id: str | None = None
    total_cost: Decimal | None = None

    @property
    def is_fully_closed(self) -> bool:
        """Whether nothing of it is left."""
        return self.remaining_quantity == 0


@dataclass(frozen=True, kw_only=True, slots=True)
class PerformanceSummary(_Model):
    """The figures of one strategy in one symbol, or of a strategy (`symbol` is None), in currency and units."""

    strategy_name: str | None
    symbol: str | None
    realized_pnl: Decimal
    realized_trades: int
    open_quantity: Decimal
    open_lots_count: int
    average_cost_basis: Decimal | None
    current_price: Decimal | None
    unrealized_pnl: Decimal | None
    total_buy_quantity: Decimal
    total_sell_quantity: Decimal
    total_fees: Decimal
    calculation_timestamp: datetime
    total_pnl: Decimal | None
    net_quantity: Decimal
    net_realized_pnl: Decimal
    winning_trades: int
    losing_trades: int
    win_rate: Decimal | None
    profit_factor: Decimal | None
    expectancy: Decimal | None
    payoff: Decimal | None
    average_win: Decimal | None
    average_loss: Decimal | None
    largest_win: Decimal | None
    largest_loss: Decimal | None
    average_holding_seconds: Decimal | None
    longest_winning_streak: int
    longest_losing_streak: int
    price_timestamp: datetime | None
    price_source: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountValueEntry(_Model):
    """What an account was worth at an instant, in its currency."""

    entry_id: str
    account_id: str
    portfolio_value: Decimal
    timestamp: datetime
    cash: Decimal | None = None
    equity: Decimal | None = None
    source: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountValueQuery(_Model):
    """Which account values are wanted. Both dates are included; a naive datetime is UTC."""

    account_id: str | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    limit: int | None = None
    ascending: bool = True
