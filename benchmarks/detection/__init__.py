"""How soon a race is found: thirty small programs with one bug each, and everybody who looks for it.

``python -m benchmarks.detection`` (or ``make bench-detection``).
"""
