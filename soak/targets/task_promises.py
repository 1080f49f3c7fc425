"""What the task store promises, and how its users hold it to that: each tells a journal what it does.

A `Team` deals with the store in any process; the `Judge` folds the journal, with the store as it is at rest.
Standard library only, so that a scenario is listed without what the store needs.
"""

from __future__ import annotations

import contextlib
import os
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import soak
from soak.targets.journal import Journal
from soak.targets.tasks import Owner, Recovery, Status, Task, TaskLockError, TaskStateError, Unreadable

if TYPE_CHECKING:
    from soak.targets.task_store import TaskStore

#: What stands or falls together: one defect breaks whichever of its promises the schedule comes to first.
IN_TURN = soak.guarantee("each change of a task is made to what the change before has left")
NEEDS = soak.guarantee("a task waits for what it needs, and for nothing else")

READABLE = "the file of every task is readable at every moment"
NEEDS_FIRST = NEEDS.promise("no task is open before all that it needs is done")
NOTES_STAY = IN_TURN.promise("what was noted on a task stays")
DONE_STAYS = IN_TURN.promise("a task that is done stays done")
TAKEN_FROM_DEAD = "a claim is taken over only from a process that is gone"
CLAIM_HOLDS = IN_TURN.promise("a task stays its owner's until the owner gives it back")
ONE_OWNER = IN_TURN.promise("a task is claimed by one process at a time")
ONE_COMPLETION = IN_TURN.promise("a task is completed once")
OPENED_ONCE = NEEDS.promise("a task is opened by the last completion that it waits for, and by that one only")
NO_LOST_UPDATE = IN_TURN.promise("no update is lost, and none is made twice")
REFUSED_CHANGES_NOTHING = "an update that was refused has changed nothing"
NONE_WAITS_FOR_DONE = NEEDS.promise("no task waits for one that is done")
COMPLETION_STAYS = IN_TURN.promise("a task whose completion was answered is done")


class Team:
    """One team's store in one process, dealt with and told of. ``target`` makes the store."""

    def __init__(self, target: Any, root: Path, name: str, patience: float, journal: Journal) -> None:
        self.name = name
        self.store: TaskStore = target(root, name, patience=patience)
        self.journal = journal
        self._seen: dict[str, Task] = {}

    def look(self) -> list[Task]:
        """All tasks, as a reader without the lock sees them."""
        try:
            tasks = self.store.tasks()
            for task in tasks:
                self._compare(task)
            return tasks
        except (Unreadable, TaskStateError) as error:
            soak.always(False, READABLE, error=error)
            return []

    def _compare(self, task: Task) -> None:
        before = self._seen.get(task.id)
        if before is not None:
            kept = set(before.notes) <= set(task.notes)
            soak.always(kept, NOTES_STAY, task=task.id, before=len(before.notes), after=len(task.notes))
            stays = before.status is not Status.DONE or task.status is Status.DONE
            soak.always(stays, DONE_STAYS, task=task.id, after=task.status.value)
        self._seen[task.id] = task
        if task.status is not Status.BLOCKED:
            for need in task.needs:  # read after the task itself: done is for ever
                status = self.store.get(need).status
                soak.always(status is Status.DONE, NEEDS_FIRST, task=task.id, need=need, is_=status.value)

    def create(self, title: str, needs: tuple[str, ...] = ()) -> Task:
        task = self.store.create(title, needs=needs)
        self._tell("created", task.id, task.status is Status.OPEN)
        return task

    def claim(self, task_id: str) -> Task:
        me = Owner.me()
        task = self.store.claim(task_id, me)
        if task.taken_from is not None:
            self._must_be_gone(task.taken_from, task_id)
        self._tell("claimed", task_id)
        return task

    def release(self, task_id: str) -> Task:
        self._tell("releasing", task_id)
        with self._having(task_id):
            return self.store.release(task_id, Owner.me())

    def complete(self, task_id: str) -> tuple[Task, ...]:
        self._tell("releasing", task_id)
        with self._having(task_id):
            freed = self.store.complete(task_id, Owner.me())
        self._tell("completed", task_id, *(task.id for task in freed))
        return freed

    def note(self, task_id: str, rng: random.Random) -> Task:
        text = f"{os.getpid()}-{rng.getrandbits(48):012x}"
        self._tell("noting", task_id, text)
        try:
            task = self.store.note(task_id, text)
        except TaskLockError:
            self._tell("refused", task_id, text)
            raise
        self._tell("noted", task_id, text)
        return task

    def recover(self) -> Recovery:
        """Recover as a process does that begins."""
        recovery = self.store.recover()
        for task in recovery.released:
            assert task.owner is not None
            self._must_be_gone(task.owner, task.id)
        return recovery

    @contextlib.contextmanager
    def _having(self, task_id: str) -> Iterator[None]:
        try:
            yield
        except TaskStateError as error:
            soak.always(False, CLAIM_HOLDS, task=task_id, error=error)
            raise

    def _tell(self, verb: str, task_id: str, *more: object) -> None:
        self.journal.tell(self.name, os.getpid(), verb, task_id, *more)

    def _must_be_gone(self, owner: Owner, task_id: str) -> None:
        # Nobody comes back to life: who lives now has lived then.
        soak.always(owner.is_gone(), TAKEN_FROM_DEAD, task=task_id, owner=owner)


class Judge:
    """Folds what a team's processes told. Call when they have ended, and the store is recovered."""

    def __init__(self, team: Team) -> None:
        self._records = [record[1:] for record in team.journal.read() if record[0] == team.name]
        self._tasks = {task.id: task for task in team.store.tasks()}

    def judge(self) -> None:
        """State every promise of this module."""
        self._judge_claims()
        self._judge_completions()
        self._judge_notes()
        self._judge_dependencies()

    def _told(self, verb: str) -> Iterable[tuple[object, ...]]:
        return (record[2:] for record in self._records if record[1] == verb)

    def _judge_claims(self) -> None:
        # A holder that tells anything after another's claim was alive at that claim, for nobody comes back.
        last_words = {pid: at for at, (pid, *_) in enumerate(self._records)}
        holders: dict[object, object] = {}
        for at, (pid, verb, subject, *_) in enumerate(self._records):
            if verb == "releasing":
                holders.pop(subject, None)
            elif verb == "claimed":
                holder = holders.get(subject)
                alive = holder is not None and last_words[holder] > at
                soak.always(not alive, ONE_OWNER, task=subject, claimed_by=pid, while_had_by=holder)
                holders[subject] = pid

    def _judge_completions(self) -> None:
        completed = list(self._told("completed"))
        done = Counter(subject for subject, *_ in completed)
        twice = [subject for subject, times in done.items() if times > 1]
        soak.always(not twice, ONE_COMPLETION, tasks=twice)
        undone = [each for each in done if self._tasks[str(each)].status is not Status.DONE]
        soak.always(not undone, COMPLETION_STAYS, tasks=undone)
        opened = Counter(each for _, *freed in completed for each in freed)
        opened.update(subject for subject, is_open in self._told("created") if is_open)
        often = [subject for subject, times in opened.items() if times > 1]
        soak.always(not often, OPENED_ONCE, tasks=often)

    def _judge_notes(self) -> None:
        present = Counter((task.id, text) for task in self._tasks.values() for text in task.notes)
        noted = {(subject, text) for subject, text in self._told("noted")}
        refused = {(subject, text) for subject, text in self._told("refused")}
        lost = [note for note in noted if present[(str(note[0]), str(note[1]))] != 1]
        twice = [note for note, times in present.items() if times > 1]
        soak.always(not lost and not twice, NO_LOST_UPDATE, lost=lost, twice=twice)
        made = [note for note in refused if (str(note[0]), str(note[1])) in present]
        soak.always(not made, REFUSED_CHANGES_NOTHING, made=made)

    def _judge_dependencies(self) -> None:
        for task in self._tasks.values():
            done = [need for need in task.needs if self._tasks[need].status is Status.DONE]
            waits = [need for need in task.waits_for if need in done]
            blocked = task.status is Status.BLOCKED
            soak.always(not waits, NONE_WAITS_FOR_DONE, task=task.id, waits_for=waits)
            open_right = blocked == (len(done) < len(task.needs))
            soak.always(open_right, NONE_WAITS_FOR_DONE, task=task.id, status=task.status.value)
