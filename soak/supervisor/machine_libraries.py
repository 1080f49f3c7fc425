"""What only the worker's interpreter knows: BLAS, MuJoCo's plugins, GL's renderer, the target's commit.

An errand of a run that lasts: importing all this takes seconds on a busy machine, and the supervisor never
does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from soak.supervisor.interpreter import Interpreter
from soak.supervisor.machine_interpreter import read_answer
from soak.supervisor.plan import Plan, worker_environment

#: A run that is over sooner has no such facts: they would cost more than it.
AFTER_S = 10.0
#: Importing and a first GL context, on two busy cores or from a cold disk.
LIMIT_S = 120.0

# It runs on any Python that workers run on. What fails leaves its fact out: no library is a must.
_ASK = """
import importlib.util, json, os, subprocess, sys
told = json.loads(sys.argv[1])
sys.path[0] = os.getcwd()
os.chdir(told["folder"])
os.environ.update(told["env"])
found = {}

def blas():
    import numpy
    built = numpy.show_config(mode="dicts")["Build Dependencies"]["blas"]
    found["blas"] = (str(built["name"]) + " " + str(built.get("version", ""))).strip()

def mujoco():
    import mujoco
    found["mujoco library"] = mujoco.mj_versionString()
    folder = os.path.join(os.path.dirname(mujoco.__file__), "plugin")
    found["mujoco plugins"] = ", ".join(sorted(name for name in os.listdir(folder) if ".so" in name))

def gl():
    if os.environ.get("MUJOCO_GL", "disable") != "disable":
        import mujoco
        context = mujoco.GLContext(16, 16)
        context.make_current()
        from OpenGL import GL
        found["gl vendor"] = GL.glGetString(GL.GL_VENDOR).decode()
        found["gl renderer"] = GL.glGetString(GL.GL_RENDERER).decode()
        found["gl version"] = GL.glGetString(GL.GL_VERSION).decode()

def target():
    name = told["target"].partition(":")[0].partition(".")[0]
    spec = importlib.util.find_spec(name) if name else None
    if spec and spec.origin:
        def git(*words):
            folder = os.path.dirname(os.path.realpath(spec.origin))
            command = ["git", "--no-optional-locks", "-C", folder, *words]
            done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
            return done.stdout.strip()
        commit = git("rev-parse", "HEAD")
        found["target git"] = commit + " (changed)" * bool(git("status", "--porcelain", "-uno"))

for ask in (target, blas, mujoco, gl):
    try:
        ask()
    except Exception as error:
        print(ask.__name__, type(error).__name__, error)
print("soak-answer " + json.dumps({name: value for name, value in found.items() if value}), flush=True)
os._exit(0)  # a GL context may hang at a regular exit
"""


def facts_command(interpreter: Interpreter, plan: Plan, folder: Path) -> Sequence[str]:
    """What to run; its output holds the facts, for :func:`read_facts`. ``folder`` is a place to run in."""
    environment: dict[str, str] = {}
    for entry in plan.entries:
        wanted = worker_environment(entry, interpreter.python_path)
        environment |= {name: wanted[name] for name in _TELLING if wanted.get(name, "disable") != "disable"}
    target = plan.target or next((entry.target for entry in plan.entries if entry.target), "")
    told = {"folder": str(folder), "target": target, "env": environment}
    return [interpreter.executable, "-c", _ASK, json.dumps(told)]


def read_facts(output: Path) -> dict[str, str]:
    """The facts in the errand's output; empty where it did not come to them."""
    try:
        text = output.read_text(errors="replace")
    except OSError:
        return {}
    return {str(name): str(value) for name, value in read_answer(text).items()}


_TELLING = ("MUJOCO_GL", "PYOPENGL_PLATFORM")
