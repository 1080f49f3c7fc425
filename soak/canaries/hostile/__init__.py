"""Scenarios of a few lines, each with one way to die, hang or leave something behind: food for the harness.

They are loaded by path, like a user's own scenario files, and none of them needs a target.
"""
