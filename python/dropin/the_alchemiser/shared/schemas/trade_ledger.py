"""The data objects."""

from trade_ledger.schemas import (
    AssetType,
    Lot,
    PerformanceSummary,
    TradeLedgerEntry,
    TradeLedgerQuery,
    TradeSide,
)

__all__ = ["AssetType", "Lot", "PerformanceSummary", "TradeLedgerEntry", "TradeLedgerQuery", "TradeSide"]
