"""What a worker's interpreter has: its version, mujoco and numpy that really import, and a GL backend.

All of it is asked of the interpreter itself, in a child: the supervisor never imports any of it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from soak.supervisor.interpreter import InterpreterError, find_interpreter
from soak.supervisor.machine_children import ask
from soak.supervisor.machine_facts import Fact
from soak.supervisor.plan import base_environment

OLDEST_PYTHON = (3, 11)

#: Importing mujoco and numpy takes 0.4 s, on two busy cores or from a cold disk far longer.
IMPORT_SECONDS = 60.0
#: Two backends, each tried for 30 s by soak.targets.gl.
GL_SECONDS = 90.0
_METADATA_SECONDS = 20.0

# They run on any Python 3, so that one that is too old can still say so.
_MARK = "soak-answer "
_METADATA = f"""
import json, platform, sys
from importlib import metadata
found = {{"python": platform.python_version(), "implementation": platform.python_implementation(),
         "executable": sys.executable}}
if not getattr(sys, "_is_gil_enabled", lambda: True)():
    found["gil"] = "off"
for name in ("mujoco", "mujoco-core", "numpy"):
    try:
        found[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        pass
print({_MARK!r} + json.dumps(found))
"""
_IMPORTS = f"""
import json
found = {{}}
for name in ("mujoco", "numpy"):
    try:
        found[name] = str(__import__(name).__version__)
    except Exception as error:
        found[name + " problem"] = type(error).__name__ + ": " + str(error)
print({_MARK!r} + json.dumps(found))
"""
_GL = f"""
import json
from soak.author import Ready
from soak.targets.gl import gl
got = gl()
ready = isinstance(got, Ready)
print({_MARK!r} + json.dumps({{"env": dict(got.env)}} if ready else
                             {{"reason": got.reason, "remedy": got.remedy}}))
"""


def read_answer(text: str) -> dict[str, Any]:
    """The JSON object in a child's output; empty where it has none. Libraries print on import, too."""
    lines = [line.removeprefix(_MARK) for line in text.splitlines() if line.startswith(_MARK)]
    answer = json.loads(lines[-1]) if lines else {}
    return answer if isinstance(answer, dict) else {}


def versions(python: str = "") -> dict[str, str]:
    """Version and executable of an interpreter, ours for "", and of its distributions, none imported."""
    answer = ask([python or sys.executable, "-c", _METADATA], seconds=_METADATA_SECONDS)
    return {str(key): str(value) for key, value in read_answer(answer.stdout).items()}


def probe_interpreter(python: str = "") -> list[Fact]:
    """The worker's interpreter, its numpy and its mujoco, as facts."""
    executable = python or sys.executable
    answer = ask([executable, "-c", _METADATA], seconds=_METADATA_SECONDS)
    found = {str(key): str(value) for key, value in read_answer(answer.stdout).items()}
    if not found:
        remedy = "--python takes the path of a Python interpreter, of 3.11 or later"
        why = f"{executable} does not run: {answer.last_words}"
        return [Fact(name="interpreter", ok=False, found=why, remedy=remedy, required=True)]
    interpreter = judge_version(found)
    if not interpreter.ok:
        return [interpreter]
    imported = ask([executable, "-c", _IMPORTS], seconds=IMPORT_SECONDS, env=base_environment(()))
    modules = {str(key): str(value) for key, value in read_answer(imported.stdout).items()}
    if not modules:
        modules = {"mujoco problem": f"importing it ended the process: {imported.last_words}"}
    return [interpreter, judge_numpy(modules, executable), judge_mujoco(modules, found, executable)]


def judge_version(found: Mapping[str, str]) -> Fact:
    """Whether workers run on this interpreter."""
    version, executable = found["python"], found["executable"]
    parts = tuple(int(part) for part in version.split(".")[:2])
    words = f"{found.get('implementation', 'Python')} {version} at {executable}"
    if parts < OLDEST_PYTHON:
        remedy = "choose a Python of 3.11 or later with --python"
        return Fact(name="interpreter", ok=False, found=words, remedy=remedy, required=True)
    return Fact(name="interpreter", ok=True, found=words, required=True)


def judge_numpy(modules: Mapping[str, str], executable: str) -> Fact:
    """Whether numpy imports there."""
    if version := modules.get("numpy"):
        return Fact(name="numpy", ok=True, found=version)
    problem = modules.get("numpy problem", "not tried")
    return Fact(name="numpy", ok=False, found=problem, remedy=f"{executable} -m pip install numpy")


def judge_mujoco(modules: Mapping[str, str], found: Mapping[str, str], executable: str) -> Fact:
    """Whether mujoco imports there, and is what its distribution says it is.

    MuJoCo 4 is split into several distributions; an upgrade in place can leave the library of one version
    under the metadata of another.
    """
    version = modules.get("mujoco")
    if version is None:
        problem = modules.get("mujoco problem", "not tried")
        remedy = f"{executable} -m pip install 'mujoco>=3.3' (only targets that use it need it)"
        return Fact(name="mujoco", ok=False, found=problem, remedy=remedy)
    said = {name: found[name] for name in ("mujoco", "mujoco-core") if name in found}
    different = [f"{name} {stated}" for name, stated in said.items() if stated != version]
    if different:
        return Fact(
            name="mujoco",
            ok=False,
            found=f"mujoco.__version__ is {version}, but what is installed is {', '.join(different)}",
            remedy=f"{executable} -m pip install --force-reinstall {' '.join(said)}",
        )
    if not said:
        return Fact(name="mujoco", ok=True, found=f"{version}, from no installed distribution")
    return Fact(name="mujoco", ok=True, found=version)


def probe_gl(python: str = "") -> Fact:
    """Which GL backend renders a frame in the worker's interpreter. Takes 1 s to 60 s."""
    with tempfile.TemporaryDirectory(prefix="soak-imports-") as folder:
        try:
            interpreter = find_interpreter(python, Path(folder))
        except InterpreterError as error:
            return Fact(name="rendering", ok=False, found=str(error), remedy="give --python an interpreter")
        command: Sequence[str] = [interpreter.executable, "-c", _GL]
        answer = ask(command, seconds=GL_SECONDS, env=_without_choice(interpreter.python_path))
    found = read_answer(answer.stdout)
    if isinstance(found.get("env"), dict):
        return Fact(name="rendering", ok=True, found=str(found["env"].get("MUJOCO_GL", "ready")))
    if "reason" in found:
        return Fact(name="rendering", ok=False, found=str(found["reason"]), remedy=str(found["remedy"]))
    return Fact(
        name="rendering",
        ok=False,
        found=f"could not be tried: {answer.last_words}",
        remedy="install mujoco for the worker's interpreter",
    )


def _without_choice(python_path: Sequence[str]) -> dict[str, str]:
    """The workers' environment; the scenarios' need, asked here, decides about MUJOCO_GL."""
    environment = base_environment(python_path)
    if environment.get("MUJOCO_GL") == "disable":
        del environment["MUJOCO_GL"]
    return environment
