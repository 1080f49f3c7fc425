"""What only the worker's interpreter knows is asked of it, and what it lacks is left out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from soak.supervisor.interpreter import Interpreter
from soak.supervisor.machine_environment import environment, gpu_driver, gpu_models
from soak.supervisor.machine_libraries import facts_command, read_facts
from soak.supervisor.plan import Plan
from tests.supervisor.harness import DEADLINE_S, story_entry

_OURS = Interpreter(executable=sys.executable, python_path=())


def asked(tmp_path: Path, target: str = "", cwd: Path | None = None) -> dict[str, str]:
    plan = Plan(entries=(story_entry(tmp_path, "", target=target),), seed=1, jobs=1, out=tmp_path)
    output = tmp_path / "facts.txt"
    with output.open("wb") as file:
        subprocess.run(
            facts_command(_OURS, plan, tmp_path), stdout=file, timeout=DEADLINE_S, cwd=cwd, check=True
        )
    return read_facts(output)


def test_the_libraries_of_the_workers_interpreter_tell_of_themselves(tmp_path: Path) -> None:
    facts = asked(tmp_path)
    assert facts["mujoco library"][0].isdigit()
    assert ".so" in facts["mujoco plugins"]
    assert "blas" in facts
    assert "gl renderer" not in facts  # no scenario of the plan renders


def test_the_targets_commit_is_that_of_its_own_folder(tmp_path: Path) -> None:
    """And that it has been changed since."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "lab.py").write_text("x = 1\n")
    who = ("-c", "user.name=ada", "-c", "user.email=ada@example.org")
    for words in (("init", "-q"), ("add", "."), (*who, "commit", "-qm", "first")):
        subprocess.run(["git", *words], cwd=project, check=True, timeout=DEADLINE_S)
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=project, check=True, capture_output=True, text=True
    ).stdout.strip()
    assert asked(tmp_path, "lab:Lab", cwd=project)["target git"] == head
    (project / "lab.py").write_text("x = 2\n")
    assert asked(tmp_path, "lab:Lab", cwd=project)["target git"] == f"{head} (changed)"


def test_an_answer_that_did_not_come_is_no_fact(tmp_path: Path) -> None:
    """The errand was late, or its interpreter crashed."""
    assert read_facts(tmp_path / "nothing.txt") == {}
    (tmp_path / "said.txt").write_text("Segmentation fault\n")
    assert read_facts(tmp_path / "said.txt") == {}


def test_nvidias_driver_and_cards_are_read_from_the_kernel(tmp_path: Path) -> None:
    """No nvidia-smi, which takes a second: the driver's own files."""
    (tmp_path / "version").write_text(
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build\nGCC version: 12\n"
    )
    for number in (1, 2):
        folder = tmp_path / "gpus" / f"0000:0{number}:00.0"
        folder.mkdir(parents=True)
        (folder / "information").write_text("Model: \t\t NVIDIA H100 80GB HBM3\nIRQ:   \t\t 44\n")
    assert gpu_driver(tmp_path) == "nvidia 570.86.15"
    assert gpu_models(tmp_path) == "NVIDIA H100 80GB HBM3, NVIDIA H100 80GB HBM3"


def test_the_environment_leaves_out_what_is_not_there() -> None:
    facts = environment()
    assert all(value.strip() for value in facts.values())
    assert {"python", "libc", "kernel", "cpu", "cpus"} <= facts.keys()
