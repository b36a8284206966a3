"""Performance questions."""

from trade_ledger.service import TradePerformanceService

__all__ = ["TradePerformanceService"]
