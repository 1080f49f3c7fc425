"""The command line itself: help, version, mistakes, and readers that go away."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import typer.main

import soak as package
from soak import catalogue
from soak.cli.app import app
from tests.cli.command import Soak

COMMANDS = (
    "run",
    "list",
    "show",
    "explore",
    "repro",
    "fixed",
    "bisect",
    "shrink",
    "triage",
    "report",
    "accept",
    "history",
    "prune",
    "doctor",
    "canary",
)


def test_help_names_every_command(soak: Soak) -> None:
    """`soak --help` and -h: exit code 0, and all of them."""
    for word in ("--help", "-h"):
        done = soak(word)
        assert done.code == 0
        assert all(command in done.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(soak: Soak, command: str) -> None:
    """Help on stdout, whatever the command, with all that is said of each option: what stands in square
    brackets is markup to rich, and gone. Nothing is made."""
    done = soak(command, "--help", env={"COLUMNS": "300"})
    assert done.code == 0
    assert f"soak {command}" in done.stdout
    commands = getattr(typer.main.get_command(app), "commands")  # noqa: B009
    missing = [each.help for each in commands[command].params if (each.help or "") not in done.stdout]
    assert not missing
    assert not done.out.exists()


def test_the_exit_codes_are_documented(soak: Soak) -> None:
    """All eight of them, where people look first."""
    text = " ".join(soak("--help").stdout.split())
    for words in (
        "0 clean",
        "1 findings",
        "2 usage",
        "4 the machine",
        "5 unproven",
        "75 another run",
        "128+n",
    ):
        assert words in text


def test_version(soak: Soak) -> None:
    """`soak --version` and nothing else."""
    assert soak("--version").stdout == f"soak {package.__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("walk",),
        ("run", "--cuont", "3"),
        ("run", "--count", "0"),
        ("run", "--count", "many"),
        ("run", "--minutes", "-1"),
        ("run", "--minutes", "nan"),
        ("run", "--hang-after", "0"),
        ("run", "--jobs", "0"),
        ("run", "--perturb", "brutal"),
        ("repro",),
        ("repro", "x", "--count", "0"),
        ("canary", "no_such_canary"),
    ],
    ids=" ".join,
)
def test_bad_options_are_mistakes(soak: Soak, words: tuple[str, ...]) -> None:
    """Exit code 2, in words, before anything is made."""
    done = soak(*words)
    assert done.code == 2
    assert done.stderr or not words
    assert "Traceback" not in done.stderr
    assert not (done.out / "runs").exists()


def test_list_prints_a_line_per_scenario(soak: Soak) -> None:
    """Every built-in scenario with the first line of its docstring; --json has the same."""
    listed = soak("list")
    assert listed.code == 0
    lines = listed.stdout.splitlines()
    names = [line.split()[0] for line in lines]
    assert set(catalogue.built_in_files()) <= set(names)
    assert all(len(line.split()) > 2 for line in lines)
    records = json.loads(soak("list", "--json").stdout)
    assert sorted(item["name"] for record in records for item in record["scenarios"]) == sorted(names)


@pytest.mark.parametrize("words", [("list",), ("show",), ("list", "--json")], ids=" ".join)
def test_a_reader_that_goes_away_is_no_problem(soak: Soak, words: tuple[str, ...]) -> None:
    """`soak list | head -0`: nothing is said about it, exit code 0."""
    process = subprocess.Popen(
        [sys.executable, "-m", "soak", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=soak.folder,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait() == 0


def test_a_run_whose_reader_goes_away_goes_on(soak: Soak) -> None:
    """`soak run … 2>&1 | head -0`: the run is not cut short, and its exit code is its verdict's."""
    story = soak.story(
        """
        @soak.scenario(seconds=5.0, rounds=1)
        def broken(target, rng):
            yield

        @broken.operation(threads=1)
        def lie(state, rng):
            soak.always(False, "this is said")
        """
    )
    read, write = os.pipe()
    os.close(read)
    process = subprocess.Popen(
        [sys.executable, "-m", "soak", "run", str(story), "--count", "5"],
        stdout=write,
        stderr=write,
        cwd=soak.folder,
    )
    os.close(write)
    assert process.wait() == 1
    assert soak("report", "--json").stdout.count('"count": 5') == 1


def test_nothing_heavy_is_imported_for_help() -> None:
    """`soak --help` stays quick: neither mujoco nor numpy nor psutil is imported for it."""
    code = (
        "import sys\nfrom soak.cli.app import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "sys.exit(', '.join({'mujoco', 'numpy', 'psutil', 'pystack', 'sqlite3'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
