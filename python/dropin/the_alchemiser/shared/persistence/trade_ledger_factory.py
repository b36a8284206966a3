"""Which ledger the environment asks for."""

from trade_ledger.factory import (
    create_trade_ledger,
    detect_paper_trading_from_environment,
    get_default_trade_ledger,
)

__all__ = ["create_trade_ledger", "detect_paper_trading_from_environment", "get_default_trade_ledger"]
