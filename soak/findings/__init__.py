"""Findings: their names, their folders, their numbers."""

from soak.findings.finding import Finding, FindingContext, Reproducer, Reproduction
from soak.findings.store import FindingNotFoundError, Store

__all__ = ["Finding", "FindingContext", "FindingNotFoundError", "Reproducer", "Reproduction", "Store"]
