"""Which ledger the environment asks for."""

from __future__ import annotations

import os
import warnings

from .errors import NotSupportedError
from .ledger import LocalTradeLedger


def detect_paper_trading_from_environment() -> bool:
    """Whether ALPACA_PAPER_TRADING is true or ALPACA_ENDPOINT names the paper API."""
    paper = os.environ.get("ALPACA_PAPER_TRADING", "").strip().lower() in ("true", "1", "yes", "on")
    return paper or any("paper" in os.environ.get(name, "").lower() for name in ("ALPACA_ENDPOINT", "ALPACA__ENDPOINT"))


def create_trade_ledger(
    *, is_paper_trading: bool | None = None, base_path: str | None = None, s3_bucket: str | None = None
) -> LocalTradeLedger:
    """The local ledger for paper trading, and, with a warning, where the environment says neither paper nor live.

    Raises NotSupportedError for live trading: this version reaches S3 from the command line only, and live fills must
    not land in a directory unseen.
    """
    if is_paper_trading is None:
        named = ("ALPACA_PAPER_TRADING", "ALPACA_ENDPOINT", "ALPACA__ENDPOINT")
        if not any(os.environ.get(name, "").strip() for name in named):
            warnings.warn("neither paper nor live trading is configured: the ledger is local", stacklevel=2)
            return LocalTradeLedger(base_path)
        is_paper_trading = detect_paper_trading_from_environment()
    if not is_paper_trading:
        bucket = s3_bucket or os.environ.get("S3_BUCKET_NAME") or "not set"
        raise NotSupportedError(f"live trading (S3_BUCKET_NAME: {bucket}): this version has no S3 ledger in Python yet")
    return LocalTradeLedger(base_path)


def get_default_trade_ledger() -> LocalTradeLedger:
    """The ledger the environment asks for."""
    return create_trade_ledger()
