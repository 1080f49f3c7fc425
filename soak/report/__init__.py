"""Views of a run: each is a fold over its events."""
