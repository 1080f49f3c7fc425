"""What can be wrong with a memory, in words that say what to do."""

from __future__ import annotations


class MemoryProblemError(Exception):
    """The memory cannot be used. Nothing is lost: the streams stay, and are taken in later."""


class MemoryLockedError(MemoryProblemError):
    """Somebody else writes into it, and did not end in time."""


class NewerSchemaError(MemoryProblemError):
    """A later version of soak made it."""


class UnusableUrlError(MemoryProblemError):
    """No database goes by this URL: it is malformed, or of a kind that soak does not know."""
