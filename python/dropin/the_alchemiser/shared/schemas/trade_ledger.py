"""The data objects."""

from trade_ledger.schemas import (
    AccountValueEntry,
    AccountValueQuery,
    AssetType,
    Lot,
    PerformanceSummary,
    TradeLedgerEntry,
    TradeLedgerQuery,
    TradeSide,
)

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
