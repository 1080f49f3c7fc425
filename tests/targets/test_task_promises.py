"""The judge of the task store: what processes told, folded, with the store as it is at rest."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from soak.targets import task_promises
from soak.targets.journal import Journal
from soak.targets.task_promises import Judge, Team
from soak.targets.task_store import TaskStore
from soak.targets.tasks import Status, Task, encode

#: A story of two processes in which everything goes well; the store is as they left it.
GOOD: list[tuple[object, ...]] = [
    (1, "created", "t0001", True),
    (1, "created", "t0002", False),
    (1, "claimed", "t0001"),
    (2, "noting", "t0001", "a"),
    (2, "noted", "t0001", "a"),
    (2, "noting", "t0001", "b"),
    (2, "refused", "t0001", "b"),
    (1, "releasing", "t0001"),
    (2, "claimed", "t0001"),
    (2, "releasing", "t0001"),
    (2, "completed", "t0001", "t0002"),
]
DONE = Task(id="t0001", title="", status=Status.DONE, notes=("a",))
OPEN = Task(id="t0002", title="", status=Status.OPEN, needs=("t0001",))


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    journal = Journal()
    yield Team(TaskStore, tmp_path, "red", 1.0, journal)
    journal.close()


def judge(team: Team, records: Sequence[tuple[object, ...]], *tasks: Task) -> None:
    for record in records:
        team.journal.tell("red", *record)
        team.journal.tell("blue", *record[:3], "is another team's")
    for task in tasks:
        (team.store.folder / f"{task.id}.json").write_text(encode(task))
    Judge(team).judge()


def test_a_good_story_breaks_no_promise(team: Team) -> None:
    """Claims one after the other, one completion, what was noted is there and what was refused is not."""
    judge(team, GOOD, DONE, OPEN)


def test_an_owner_that_died_may_be_followed(team: Team) -> None:
    """A claim of what another has is right where that one never says a word again."""
    story = [(1, "claimed", "t0001"), (2, "claimed", "t0001"), (2, "releasing", "t0001")]
    judge(team, story, replace(DONE, status=Status.OPEN))


@pytest.mark.parametrize(
    ("promise", "more", "tasks"),
    [
        (
            task_promises.ONE_OWNER,
            [(1, "claimed", "t0002"), (2, "claimed", "t0002"), (1, "releasing", "t0002")],
            (DONE, OPEN),
        ),
        (task_promises.ONE_COMPLETION, [(1, "completed", "t0001")], (DONE, OPEN)),
        (task_promises.COMPLETION_STAYS, [(1, "completed", "t0002")], (DONE, OPEN)),
        (task_promises.OPENED_ONCE, [(1, "created", "t0002", True)], (DONE, OPEN)),
        (task_promises.NO_LOST_UPDATE, [], (replace(DONE, notes=()), OPEN)),
        (task_promises.NO_LOST_UPDATE, [], (replace(DONE, notes=("a", "a")), OPEN)),
        (task_promises.REFUSED_CHANGES_NOTHING, [], (replace(DONE, notes=("a", "b")), OPEN)),
        (task_promises.NONE_WAITS_FOR_DONE, [], (DONE, replace(OPEN, waits_for=("t0001",)))),
        (task_promises.NONE_WAITS_FOR_DONE, [], (DONE, replace(OPEN, status=Status.BLOCKED))),
    ],
)
def test_every_promise_can_be_broken(
    team: Team, promise: str, more: list[tuple[object, ...]], tasks: tuple[Task, ...]
) -> None:
    """One thing that went otherwise breaks the promise that it should."""
    with pytest.raises(AssertionError, match=promise):
        judge(team, [*GOOD, *more], *tasks)


def test_a_reader_sees_what_is_broken(team: Team) -> None:
    """A file that is cut, a note that is gone, and a task that is open too early, are told at the look."""
    first = team.create("one")
    second = team.create("two", (first.id,))
    team.look()
    path = team.store.folder / f"{second.id}.json"
    whole = path.read_text()
    path.write_text(whole[:-5])
    with pytest.raises(AssertionError, match=task_promises.READABLE):
        team.look()
    path.write_text(json.dumps({**json.loads(whole), "status": "open"}))
    with pytest.raises(AssertionError, match=task_promises.NEEDS_FIRST):
        team.look()
    path.write_text(json.dumps({**json.loads(whole), "notes": ["a"]}))
    team.look()
    path.write_text(whole)
    with pytest.raises(AssertionError, match=task_promises.NOTES_STAY):
        team.look()
