"""Recording that never interrupts trading."""

from trade_ledger.service import TradeLedgerWriter

__all__ = ["TradeLedgerWriter"]
