"""The ledger in a local directory."""

from trade_ledger.ledger import LocalTradeLedger

__all__ = ["LocalTradeLedger"]
