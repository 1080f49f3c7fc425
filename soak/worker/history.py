"""Judges what was recorded in an iteration: whether some order explains it.

Standard library only.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from soak.author import Judged
from soak.history import MOST_CALLS, Call, History
from soak.linearize import Decided, NotDecided, Stuck, decide
from soak.shortest import in_one_line, shorten, side_by_side
from soak.worker import frames
from soak.worker.promises import Judge

#: Deciding may take this part of what counts as a hang, and making a counterexample short as much again.
_SHARE = 0.3


class Historian:
    """Begins the histories of each iteration, and judges them once it has come to rest."""

    def __init__(self, witness: Judge, histories: Sequence[Judged], folder: Path, hang_after: float) -> None:
        self._witness = witness
        self._histories = tuple(histories)
        self._folder = folder
        self._most_seconds = _SHARE * hang_after / max(1, len(self._histories))
        self._judged = dict.fromkeys((judged.history.name for judged in self._histories), 0)
        self._undecided = dict(self._judged)

    def begin(self) -> None:
        """Forget the iteration before."""
        for judged in self._histories:
            judged.history.begin(self._folder)

    def judge(self) -> None:
        """Tell the witness which histories no order explains, and which could not be decided."""
        for judged in self._histories:
            history = judged.history
            try:
                self._judge(history, judged.decided)
            except Exception as error:  # noqa: BLE001 - a model that raises is the author's finding, not ours
                self._witness.report_raised(error, doing=history.promise)
            history.forget()

    def _judge(self, history: History, decided: int) -> None:
        calls = history.calls()
        seconds = min(history.seconds, self._most_seconds)
        outcome: Decided | NotDecided = NotDecided(reason=f"more than {MOST_CALLS} were recorded")
        if len(calls) < MOST_CALLS:
            outcome = decide(history.model, calls, seconds=seconds)
        self._judged[history.name] += 1
        match outcome:
            case NotDecided(reason=reason):
                self._tell_undecided(history, calls, reason)
            case Decided(stuck=stuck):
                if calls:  # of nothing, there is nothing to decide
                    self._witness.seen(decided)
                if stuck is not None:
                    self._tell_broken(history, stuck)

    def _tell_broken(self, history: History, stuck: Stuck) -> None:
        unexplained = shorten(history.model, stuck, seconds=self._most_seconds)
        name = f"history-{history.name}.txt".replace("/", "-")
        details: dict[str, object] = {"calls": in_one_line(unexplained), "file": name}
        try:
            (self._folder / name).write_text(side_by_side(unexplained, history.name), encoding="utf-8")
        except OSError as error:  # a full disk must not cost the finding itself
            details["file"] = f"none: {error.strerror}"
        self._witness.report_broken(history.promise, details, frames.of_callable(history.model.step))

    def _tell_undecided(self, history: History, calls: Sequence[Call], reason: str) -> None:
        """A note at the first time, the second, the fourth …: neither silence nor a flood."""
        self._undecided[history.name] += 1
        times = self._undecided[history.name]
        if times & (times - 1) == 0:
            self._witness.tell(
                f"{times} of {self._judged[history.name]} histories of {history.name} could not be decided; "
                f"the last one, of {len(calls)} calls: {reason}"
            )
