"""Whether this machine can render, and with which GL backend: a need for scenarios with cameras.

Importing this module imports neither mujoco nor GL: the proof is a frame rendered in a child process, because
a GL context that was made once stays in its process (five native threads, a fork that hangs) and a missing
library may end that process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping

from soak.author import Missing, Ready

#: Tried in this order: EGL notices a renderer that is used in another thread than its own, OSMesa does not.
BACKENDS = ("egl", "osmesa")

#: Seconds for one child: importing mujoco and a first frame take 1 s, on two busy cores about 5 s.
PROBE_SECONDS = 30.0

_PROOF = "soak rendered "

# Prints the proof only after a frame that is not all black: a context alone may still draw nothing.
_PROBE = f"""
import mujoco
model = mujoco.MjModel.from_xml_string(
    '<mujoco><visual><quality shadowsize="0" offsamples="0"/></visual>'
    '<worldbody><light pos="0 0 3"/><geom type="plane" size="2 2 .1" rgba="1 1 1 1"/></worldbody></mujoco>'
)
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
with mujoco.Renderer(model, 24, 32) as renderer:
    renderer.update_scene(data)
    print({_PROOF!r} + str(int(renderer.render().max())), flush=True)
"""

Probe = Callable[[str], str]


def gl() -> Ready | Missing:
    """The first backend that renders a frame, as ``MUJOCO_GL`` for the worker; or why none does."""
    return choose(probe, os.environ)


def choose(attempt: Probe, environ: Mapping[str, str]) -> Ready | Missing:
    """As :func:`gl`, with the probe handed in: ``attempt(backend)`` returns "" or what went wrong.

    A backend that ``environ`` asks for by ``MUJOCO_GL`` is tried first.
    """
    asked = environ.get("MUJOCO_GL", "").lower()
    order = sorted(BACKENDS, key=lambda backend: backend != asked)
    problems = []
    for backend in order:
        problem = attempt(backend)
        if not problem:
            return Ready(env={"MUJOCO_GL": backend, "PYOPENGL_PLATFORM": backend})
        problems.append(f"{backend}: {problem}")
    return Missing(
        reason="no GL backend renders a frame here (" + "; ".join(problems) + ")",
        remedy="apt-get install libegl1 libosmesa6",
    )


def probe(backend: str, seconds: float = PROBE_SECONDS) -> str:
    """Render one frame with ``backend`` in a child process; "" or what went wrong, in one line."""
    env = {**os.environ, "MUJOCO_GL": backend, "PYOPENGL_PLATFORM": backend}
    with tempfile.TemporaryDirectory(prefix="soak-gl-") as folder:  # MuJoCo leaves its log where it runs
        try:
            ended = subprocess.run(
                [sys.executable, "-c", _PROBE],
                env=env,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
                check=False,
                text=True,
                errors="replace",
            )
        except subprocess.TimeoutExpired:
            return f"no frame within {seconds:g} s"
    return _judge(ended.returncode, ended.stdout, ended.stderr)


def _judge(status: int, stdout: str, stderr: str) -> str:
    """What a child's end says. A crash after the frame counts too: the worker would end that way."""
    brightest = [line.removeprefix(_PROOF) for line in stdout.splitlines() if line.startswith(_PROOF)]
    if brightest and brightest[-1] == "0":
        return "the frame is black"
    if brightest and status == 0:
        return ""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    words = lines[-1][:160] if lines else "without a word"
    return f"exit status {status}, {words}"
