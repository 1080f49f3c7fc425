"""Processes race for the tasks of a shared store: claims, updates, completions and dependants."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soak
from soak.targets.journal import Journal
from soak.targets.task_promises import Judge, Team
from soak.targets.tasks import Status, Task, TaskLockError, TaskStateError, filelock_installed

#: So many tasks a team has at most, and so many of them at least are to be had.
MOST_TASKS, FEWEST_OPEN = 30, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Two teams in one store. Each process has its own copy, and tells the journal what it does."""

    teams: tuple[Team, ...]
    journal: Journal


@soak.scenario(seconds=0.8, target="soak.targets.task_store:TaskStore", needs=(filelock_installed,))
def claim_race(target: Any, rng: random.Random) -> Generator[Office, None, None]:
    """One process claims a task and the others are told so; no update is lost, and nothing waits for nothing.

    All processes want the oldest open task of a team. Whoever has it notes, completes it or gives it back,
    while others add tasks that need it. A reader without the lock looks at every file all the time.
    """
    journal = Journal()
    with tempfile.TemporaryDirectory() as folder:
        teams = tuple(Team(target, Path(folder), name, 5.0, journal) for name in ("red", "blue"))
        for team in teams:
            team.create("the first")
        yield Office(teams=teams, journal=journal)
    journal.close()


lost_race = claim_race.sometimes("a claim was lost to one that another process made meanwhile")
told_holder = claim_race.sometimes("a claim of a task that another process has was refused")
claimed_again = claim_race.sometimes("a task that was given back was claimed again")
opened = claim_race.sometimes("a completion opened a task that waited for it")
created_blocked = claim_race.sometimes("a task was created that needs one which is being worked on")
created_open = claim_race.sometimes("a task was created after what it needs was done")
noted_anothers = claim_race.sometimes("a task was noted on while another process had it")


@claim_race.operation(processes=3, expects=(TaskLockError, TaskStateError))
def work(office: Office, rng: random.Random) -> object:
    """Claim the oldest open task, note on it, complete it or give it back."""
    team = rng.choice(office.teams)
    task = choose(team, rng)
    began = time.time()
    try:
        mine = team.claim(task.id)
    except TaskLockError as error:
        told_holder(error.holder)
        lost_race(error.since > began)
        raise
    claimed_again(mine.notes)
    for _ in range(rng.randint(1, 2)):
        team.note(task.id, rng)
    if rng.random() < 0.3:
        return team.release(task.id)
    freed = team.complete(task.id)
    opened(freed)
    return freed


@claim_race.operation(processes=1, expects=(TaskLockError,))
def note(office: Office, rng: random.Random) -> object:
    """Note on a task, whoever has it."""
    team = rng.choice(office.teams)
    tasks = team.look()
    if not tasks:  # a task that cannot be read was told
        return None
    task = team.note(rng.choice(tasks).id, rng)
    noted_anothers(task.status is Status.CLAIMED)
    return task


@claim_race.operation(processes=1, expects=(TaskLockError,))
def plan(office: Office, rng: random.Random) -> object:
    """Add a task that needs one or two others; one that is being worked on, if there is any."""
    team = rng.choice(office.teams)
    tasks = team.look()
    if len(tasks) >= MOST_TASKS:
        time.sleep(0.01)
        return soak.Refused(what="plan", because="there are tasks enough", remedy="complete some")
    if not tasks:  # a task that cannot be read was told
        return None
    busy = [task.id for task in tasks if task.status is Status.CLAIMED]
    wanted = busy[:1] or [rng.choice(tasks).id]
    task = team.create("a later one", tuple(wanted))
    created_blocked(task.status is Status.BLOCKED and busy)
    created_open(task.status is Status.OPEN)
    return task


@claim_race.operation(processes=1)
def read(office: Office, rng: random.Random) -> object:
    """Look at every task without the lock, as a display does."""
    for team in office.teams:
        team.look()
    time.sleep(0.001)
    return None


@claim_race.invariant("the processes' journal has room", every=0.01)
def keep_journal(office: Office) -> bool:
    office.journal.read()
    return True


@claim_race.check("what the processes were told agrees with the store")
def agrees(office: Office) -> bool:
    for team in office.teams:
        Judge(team).judge()
    return True


def choose(team: Team, rng: random.Random) -> Task:
    """The task that all want, or now and then another; a new one where there are too few."""
    tasks = team.look()
    wanted = [task for task in tasks if task.status is Status.OPEN]
    if len(wanted) < FEWEST_OPEN and len(tasks) < MOST_TASKS:
        return team.create("one more")
    if not wanted:
        return rng.choice(tasks)
    return wanted[0] if rng.random() < 0.7 else rng.choice(wanted)
