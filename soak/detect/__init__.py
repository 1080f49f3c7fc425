"""Pure functions from events to findings: one module per detector, one fold that calls them."""

from soak.detect.detective import Detective

__all__ = ["Detective"]
