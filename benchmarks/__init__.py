"""Measurements of what soak promises to reach. Run them with ``python -m benchmarks`` (or ``make bench``)."""
