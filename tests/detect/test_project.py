"""Where a project lies says nothing about what is found in it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from soak.detect import Detective
from soak.detect.project import Project
from soak.events import (
    Blocked,
    Event,
    Frame,
    LeftOver,
    PromiseBroken,
    Raised,
    Residue,
    Sighted,
    Stuck,
    WorkerEnded,
    WorkerStarted,
)
from soak.findings.signature import signature
from tests.detect.samples import sample

FAULT = """Fatal Python error: Segmentation fault

Current thread 0x00007f0000000001 (most recent call first):
  File "{top}/arm.py", line 7 in lift
  File "/usr/lib/python3.11/threading.py", line 982 in run
"""


def lift(top: str, file: str = "arm.py") -> Frame:
    return Frame(function="lift", file=f"{top}/{file}", line=7)


def events_in(top: str) -> list[Event]:
    """What a worker tells of a file at the top of a project."""
    left = LeftOver(name="policy-#", site="lift (arm.py:7)", frames=(lift(top),))
    return [
        sample(PromiseBroken, frames=(lift(top),)),
        sample(Raised, frames=(lift(top),)),
        sample(Residue, items=(left,)),
        sample(WorkerEnded, status=-11, fault_text=FAULT.format(top=top)),
    ]


def sighted_in(top: str, project: str) -> list[Sighted]:
    detective = Detective(project=Project(top=project))
    detective.feed(sample(WorkerStarted))
    return [sighted for event in events_in(top) for sighted in detective.feed(event)]


def test_two_folders_see_the_same() -> None:
    """Crash, error, leak and violation at the project's top are the same in two checkouts, to the word."""
    one = sighted_in("/home/ada/one", "/home/ada/one")
    two = sighted_in("/srv/two", "/srv/two")
    assert len(one) == 4
    assert [dataclasses.replace(sighted, project="") for sighted in one] == [
        dataclasses.replace(sighted, project="") for sighted in two
    ]
    assert {sighted.project for sighted in one} == {"one"}
    assert {frame.file for sighted in one for frame in sighted.frames} >= {"arm.py"}


def test_without_a_project_the_folder_tells() -> None:
    """As long as nobody says where the project lies, a file at its top goes by its folder."""
    one, two = sighted_in("/home/ada/one", ""), sighted_in("/srv/two", "")
    names = [(signature(a).id, signature(b).id) for a, b in zip(one, two, strict=True)]
    assert [a == b for a, b in names] == [True, False, False, False]  # a violation has its promise


def test_a_hang_is_told_from_the_top_on() -> None:
    """The stuck thread's stack, and those of the threads that the others wait for."""
    blocked = Blocked(thread="move-1", doing="lift", frames=(lift("/srv/two"),), holds=("_lock",))
    detective = Detective(project=Project(top="/srv/two"))
    sighted = detective.stuck(sample(Stuck), (lift("/srv/two"),), blocked=(blocked,))
    assert [frame.file for frame in (*sighted.frames, *sighted.blocked[0].frames)] == ["arm.py", "arm.py"]
    assert sighted.title.endswith("at lift (arm.py)")


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("/srv/two/arm/engine.py", "arm/engine.py"),
        ("/srv/twofold/arm.py", "/srv/twofold/arm.py"),
        ("/usr/lib/python3.11/threading.py", "/usr/lib/python3.11/threading.py"),
        ("/srv/two/lib/python3.11/threading.py", "/srv/two/lib/python3.11/threading.py"),
        ("<string>", "<string>"),
    ],
)
def test_what_is_not_the_projects_stays(file: str, told: str) -> None:
    """Nor is the standard library of an environment that is the project's top."""
    project = Project(top="/srv/two")
    assert project.frames((Frame(function="run", file=file, line=1),))[0].file == told
    ended = sample(WorkerEnded, fault_text=f'  File "{file}", line 1 in run\n')
    assert project.told(ended).fault_text == f'  File "{told}", line 1 in run\n'


def test_native_frames_keep_their_library() -> None:
    """A shared object is found by its path."""
    native = Frame(function="step", file="/srv/two/engine.so", native=True)
    assert Project(top="/srv/two").frames((native,)) == (native,)


def test_the_project_is_what_has_a_git_folder(tmp_path: Path) -> None:
    """From anywhere inside of it; without one, it is where soak was started."""
    inside = tmp_path / "shop" / "soaks"
    inside.mkdir(parents=True)
    assert Project.of(inside) == Project(top=str(inside))
    (tmp_path / "shop" / ".git").mkdir()
    assert Project.of(inside) == Project(top=str(tmp_path / "shop"))
    assert Project.of(inside).name == "shop"
