"""What is counted at rest, and which names are one pattern."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from soak.worker.residue import find_children, find_descriptors, find_files, plain_path


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tmp/tmpab12_x9z", "tmp/tmpqwertyui"),
        ("tmp/tmp0x2j28o8.xml", "tmp/tmpqwertyui.xml"),
        ("tmp/scene-a1b2c3d4.xml", "tmp/scene-zz9yxw_q.xml"),
        ("ThreadPoolExecutor-3_0", "ThreadPoolExecutor-12_1"),
        ("cwd/frame_0001.png", "cwd/frame_0002.png"),
        ("x-0x7ffe12", "x-0x1a"),
        ("3f2504e0-4f89-11d3-9a0c-0305e82c3301", "e902893a-9d22-3c7e-a7b8-d6e313b71d9f"),
    ],
)
def test_names_that_differ_by_chance_are_one_pattern(one: str, other: str) -> None:
    """Numbers and random letters do not make another leak."""
    assert plain_path(one) == plain_path(other)


@pytest.mark.parametrize("name", ["policy-arm", "renderer", "tmp/my_scene.xml", "sim_loop", "mutation"])
def test_words_stay_words(name: str) -> None:
    """A name without numbers is kept as it is."""
    assert plain_path(name) == name


def test_two_words_are_two_patterns() -> None:
    """Different names with numbers stay different."""
    assert plain_path("robot_12") == "robot_#"
    assert plain_path("robot_12") != plain_path("camera_1")


def test_descriptors_are_told_by_their_goal(tmp_path: Path) -> None:
    """A path in the worker's folder is relative to it; a pipe has no number."""
    (tmp_path / "log").touch()
    before = {thing.key for thing in find_descriptors(tmp_path)}
    read, write = os.pipe()
    file = os.open(tmp_path / "log", os.O_RDONLY)
    try:
        names = sorted(t.name for t in find_descriptors(tmp_path) if t.key not in before)
    finally:
        for fd in (read, write, file):
            os.close(fd)
    assert names == ["log", "pipe", "pipe"]


def test_children_are_told_by_their_command() -> None:
    """A running child is named by its command line, an ended one as not waited for."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        assert "cat" in {thing.name for thing in find_children() if thing.key == child.pid}
        assert child.stdin is not None
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert {t.name for t in find_children() if t.key == child.pid} == {"cat (ended, not waited for)"}


def test_files_are_those_of_the_two_folders(tmp_path: Path) -> None:
    """Everything below cwd and tmp counts, but for MuJoCo's log and cores; the worker's own files do not."""
    for name in ("cwd/core", "cwd/core.12", "cwd/MUJOCO_LOG.TXT", "cwd/score", "tmp/a/b", "flight"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert sorted(thing.name for thing in find_files(tmp_path)) == ["cwd/score", "tmp/a", "tmp/a/b"]
