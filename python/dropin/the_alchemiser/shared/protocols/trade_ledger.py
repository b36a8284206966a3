"""What every ledger does."""

from trade_ledger.ledger import TradeLedger

__all__ = ["TradeLedger"]
