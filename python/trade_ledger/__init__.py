"""The record of every fill, and the exact answer to which strategy made which dollar."""

from ._native import Outcome, TradeLedgerEntry
from .errors import (
    BatchRefusedError,
    ConflictError,
    DamagedLedgerError,
    InvalidInputError,
    LedgerEnvironmentError,
    NotSupportedError,
    OutcomeUnknownError,
    ReopenLedgerError,
    TradeLedgerError,
)
from .factory import create_trade_ledger, detect_paper_trading_from_environment, get_default_trade_ledger
from .ledger import LocalTradeLedger, TradeLedger
from .schemas import (
    AccountValueEntry,
    AccountValueQuery,
    AssetType,
    Lot,
    PerformanceSummary,
    TradeLedgerQuery,
    TradeSide,
)
from .service import TradeLedgerWriter, TradePerformanceService

__all__ = [
    "AccountValueEntry",
    "AccountValueQuery",
    "AssetType",
    "BatchRefusedError",
    "ConflictError",
    "DamagedLedgerError",
    "InvalidInputError",
    "LedgerEnvironmentError",
    "LocalTradeLedger",
    "Lot",
    "NotSupportedError",
    "Outcome",
    "OutcomeUnknownError",
    "PerformanceSummary",
    "ReopenLedgerError",
    "TradeLedger",
    "TradeLedgerEntry",
    "TradeLedgerError",
    "TradeLedgerQuery",
    "TradeLedgerWriter",
    "TradePerformanceService",
    "TradeSide",
    "create_trade_ledger",
    "detect_paper_trading_from_environment",
    "get_default_trade_ledger",
]
