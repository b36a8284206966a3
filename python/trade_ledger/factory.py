"""Which ledger the environment asks for."""

from __future__ import annotations

import os

from .errors import NotSupportedError
from .ledger import LocalTradeLedger


def detect_paper_trading_from_environment() -> bool:
    """Whether ALPACA_PAPER_TRADING is true or ALPACA_ENDPOINT names the paper API."""
    paper = os.environ.get("ALPACA_PAPER_TRADING", "").strip().lower() in ("true", "1", "yes", "on")
    return paper or "paper" in os.environ.get("ALPACA_ENDPOINT", "").lower()


def create_trade_ledger(
    *, is_paper_trading: bool | None = None, base_path: str | None = None, s3_bucket: str | None = None
) -> LocalTradeLedger:
    """The local ledger for paper trading and wherever no bucket is named.

    Raises NotSupportedError for live trading with S3_BUCKET_NAME: this version has no S3 ledger, and live
    fills must not land in a directory unseen.
    """
    paper = detect_paper_trading_from_environment() if is_paper_trading is None else is_paper_trading
    bucket = s3_bucket or os.environ.get("S3_BUCKET_NAME")
    if not paper and bucket:
        raise NotSupportedError(f"live trading with S3_BUCKET_NAME={bucket}: this version has no S3 ledger yet")
    return LocalTradeLedger(base_path)


def get_default_trade_ledger() -> LocalTradeLedger:
    """The ledger the environment asks for."""
    return create_trade_ledger()
