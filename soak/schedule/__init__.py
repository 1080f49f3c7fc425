"""Model mode: the threads of a function run one at a time, in schedules that are searched, replayed and
explained.

Worker-side code: standard library only.
"""

from soak.schedule.explorer import race, replay
from soak.schedule.natives import Overlap, native
from soak.schedule.result import Result
from soak.schedule.token import BadToken

__all__ = ["BadToken", "Overlap", "Result", "native", "race", "replay"]
