"""Every exception of the package; each says what the caller does next."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._native import TradeLedgerEntry


class TradeLedgerError(Exception):
    """The root of the tree."""


class InvalidInputError(TradeLedgerError, ValueError):
    """Fix what was handed in: the message names field and value."""


class ConflictError(TradeLedgerError, ValueError):
    """The key is recorded with another symbol, side, quantity or price; the first stands."""

    def __init__(
        self, message: str, fields: list[str], recorded: TradeLedgerEntry | None, offered: TradeLedgerEntry | None
    ) -> None:
        """Carries both versions and the fields in which they contradict each other."""
        super().__init__(message, fields, recorded, offered)
        self.message = message
        self.fields = fields
        self.recorded = recorded
        self.offered = offered

    def __str__(self) -> str:
        return self.message


class BatchRefusedError(TradeLedgerError, ValueError):
    """An all-or-nothing batch held a conflict; nothing of it was recorded."""


class OutcomeUnknownError(TradeLedgerError):
    """The store's answer was lost; recording the same entry again is safe."""


class LedgerEnvironmentError(TradeLedgerError, OSError):
    """Mend disk, permission or path, then do it again."""


class DamagedLedgerError(TradeLedgerError):
    """A line cannot be read: `trade-ledger verify` lists the faults."""


class ReopenLedgerError(TradeLedgerError):
    """A sync failed: open the ledger anew and record again."""


class NotSupportedError(TradeLedgerError):
    """This version cannot do what the settings ask for."""
