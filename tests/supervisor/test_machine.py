"""What this machine can do: probes that end in a fact, whatever they find."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from soak.supervisor import machine
from soak.supervisor.machine_children import ask
from soak.supervisor.machine_environment import git_commit
from soak.supervisor.machine_interpreter import judge_mujoco, judge_version, read_answer
from soak.supervisor.machine_memory import cgroup_folders_of, find_oom_line
from soak.supervisor.machine_rights import ptrace_remedy

KILLED = "Memory cgroup out of memory: Killed process 4711 (python) total-vm:207828kB, anon-rss:58368kB"
INVOKED = "python invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0"


def fake_interpreter(tmp_path: Path, script: str) -> str:
    """A program that stands in for an interpreter: a real process with another tongue."""
    path = tmp_path / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_every_probe_ends_in_a_fact_with_a_remedy_where_it_is_not_ok(tmp_path: Path) -> None:
    """All facts have distinct names, say what was found, and say what to do where something is missing."""
    facts = list(machine.probe_all(tmp_path / "not" / "yet", gl=False))
    names = [fact.name for fact in facts]
    assert len(set(names)) == len(names)
    assert {"system", "disk", "memory map", "ptrace", "core files", "kernel log", "mujoco"} <= set(names)
    assert all(fact.found for fact in facts)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_stops_a_run(tmp_path: Path) -> None:
    """An unwritable out folder is a required fact that is not ok; nothing behind it is tried there."""
    facts = {fact.name: fact for fact in machine.probe_all(Path("/proc/self/soak"), gl=False)}
    assert not facts["disk"].ok
    assert facts["disk"].required
    assert "--out" in facts["disk"].remedy
    assert "core files" not in facts


def test_an_interpreter_that_does_not_exist_is_a_fact(tmp_path: Path) -> None:
    """A wrong --python is told with the path, and rendering is not tried with it."""
    wrong = str(tmp_path / "no-python")
    facts = {fact.name: fact for fact in machine.probe_all(tmp_path, wrong)}
    assert wrong in facts["interpreter"].found
    assert facts["interpreter"].required
    assert "not tried" in facts["rendering"].found
    assert machine.environment(wrong)["soak"]


def test_an_interpreter_without_mujoco_says_which_command_installs_it(tmp_path: Path) -> None:
    """numpy and mujoco are judged by importing them in the interpreter that was asked for."""
    python = fake_interpreter(tmp_path, f'exec {sys.executable} -I -S "$@"')
    facts = {fact.name: fact for fact in machine.probe_all(tmp_path, python, gl=False)}
    assert facts["interpreter"].ok
    assert "No module named 'numpy'" in facts["numpy"].found
    assert "No module named 'mujoco'" in facts["mujoco"].found
    assert f"{python} -m pip install" in facts["mujoco"].remedy


def test_an_import_that_ends_the_process_is_a_fact(tmp_path: Path) -> None:
    """A mujoco whose import crashes is reported as a mujoco that does not work."""
    script = f'case "$2" in *__import__*) kill -SEGV $$;; *) exec {sys.executable} "$@";; esac'
    facts = {
        fact.name: fact for fact in machine.probe_all(tmp_path, fake_interpreter(tmp_path, script), gl=False)
    }
    assert "ended the process" in facts["mujoco"].found


@pytest.mark.parametrize(
    ("version", "ok"), [("3.10.12", False), ("3.11.0", True), ("3.14.0rc1", True), ("2.7.18", False)]
)
def test_workers_need_python_3_11(version: str, ok: bool) -> None:
    """Older interpreters are refused by version, before anything is imported."""
    assert judge_version({"python": version, "executable": "/usr/bin/python"}).ok is ok


def test_a_mujoco_upgraded_in_place_is_told() -> None:
    """Library and metadata of different versions are a broken installation, whichever part differs."""
    found = {"mujoco": "4.0.0", "mujoco-core": "4.0.0"}
    assert judge_mujoco({"mujoco": "4.0.0"}, found, "python").ok
    broken = judge_mujoco({"mujoco": "3.3.2"}, found, "python")
    assert not broken.ok
    assert "3.3.2" in broken.found
    assert "--force-reinstall mujoco mujoco-core" in broken.remedy
    half = judge_mujoco({"mujoco": "4.0.0"}, found | {"mujoco-core": "3.9.0"}, "python")
    assert "mujoco-core 3.9.0" in half.found


def test_a_childs_answer_is_found_among_what_libraries_print() -> None:
    """Only the marked line counts; no answer is an empty one."""
    assert read_answer('hello\nsoak-answer {"a": "1"}\nbye') == {"a": "1"}
    assert read_answer("hello") == {}


def test_a_child_that_does_not_end_is_given_up() -> None:
    """A probe's child has a time limit, and its answer says that it was reached."""
    assert "no answer within" in ask(["sleep", "60"], seconds=0.05).last_words


def test_ptrace_remedies_fit_the_scope() -> None:
    """Yama's scopes 2 and 3 need root; below that the setting or the container's capability helps."""
    assert "root" in ptrace_remedy("3")
    assert "SYS_PTRACE" in ptrace_remedy("1")
    assert "SYS_PTRACE" in ptrace_remedy("")


def test_the_environment_names_versions_and_can_be_kept_as_json() -> None:
    """What a run keeps: soak, Python, kernel, processor; no empty value; and all of it text."""
    found = machine.environment()
    assert {"soak", "python", "executable", "kernel", "cpu", "cpus", "memory"} <= set(found)
    assert found["executable"] == sys.executable
    assert all(found.values())
    assert json.loads(json.dumps(found)) == found


def test_the_supervisor_imports_no_mujoco_to_tell_its_version() -> None:
    """Reading versions leaves mujoco and numpy out of this process."""
    code = (
        "import sys; from soak.supervisor import machine; machine.environment(); "
        "sys.exit(bool({'mujoco', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_the_commit_and_whether_files_differ_from_it(tmp_path: Path) -> None:
    """A checkout is named by its commit, with a mark where it was changed; elsewhere there is none."""
    assert git_commit(tmp_path) == ""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    file = tmp_path / "file"
    file.write_text("one")
    for words in (["init", "-q"], ["add", "file"], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *words], check=True, timeout=60)
    clean = git_commit(tmp_path)
    assert len(clean) == 40
    file.write_text("two")
    assert git_commit(tmp_path) == f"{clean} (changed)"


def test_the_kernels_line_is_found_by_pid_and_time() -> None:
    """The kill of our pid is quoted; one of another process, or from before the worker began, is not."""
    records = [
        (10.0, KILLED.replace("4711", "12")),
        (20.0, INVOKED),
        (20.1, KILLED),
        (30.0, "usb 1-1: new device"),
    ]
    assert find_oom_line(records, 4711, 15.0) == KILLED
    assert find_oom_line(records, 471, 15.0) == ""
    assert find_oom_line(records, 12, 15.0) == ""
    assert find_oom_line(records, 4711, 25.0) == ""


def test_in_a_container_the_hosts_pid_counts() -> None:
    """Where the log's pids are another namespace's, the last kill since then is quoted."""
    records = [(10.0, KILLED.replace("4711", "12")), (20.1, KILLED), (20.2, INVOKED)]
    assert find_oom_line(records, 7, 15.0, any_pid=True) == KILLED
    assert find_oom_line(records, 7, 25.0, any_pid=True) == ""


def test_a_process_that_lives_was_not_killed_for_memory() -> None:
    """Without a kill there is no line, and a counter that did not rise says nothing."""
    assert machine.oom_line(os.getpid(), time.time(), machine.oom_kills()) == ""


def test_cgroup_folders_are_found_in_both_versions(tmp_path: Path) -> None:
    """v1's controller folders and v2's one tree are walked from the process's own group to the root."""
    for folder in ("memory/jobs/7", "unified/a"):
        (tmp_path / folder).mkdir(parents=True)
    found = cgroup_folders_of(["4:memory:/jobs/7", "1:cpu:/", "0::/a"], "memory", tmp_path)
    assert [str(path.relative_to(tmp_path)) for path in found] == [
        "memory/jobs/7",
        "memory/jobs",
        "memory",
        ".",
        "unified/a",
        "unified",
    ]
    hosts_path = cgroup_folders_of(["0::/../../kubepods/x"], "memory", tmp_path / "memory")
    assert hosts_path == [tmp_path / "memory"]
