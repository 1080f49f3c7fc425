"""The GL need: a proof by a frame in a child process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from soak.author import Missing, Ready
from soak.targets import gl


def _works(*backends: str) -> gl.Probe:
    return lambda backend: "" if backend in backends else "no such library"


def test_egl_is_preferred() -> None:
    """Where both backends work, EGL is chosen, because it notices a renderer in a foreign thread."""
    chosen = gl.choose(_works("egl", "osmesa"), {})
    assert chosen == Ready(env={"MUJOCO_GL": "egl", "PYOPENGL_PLATFORM": "egl"})


def test_osmesa_is_the_second_choice() -> None:
    """Where EGL does not work, OSMesa is chosen."""
    chosen = gl.choose(_works("osmesa"), {})
    assert isinstance(chosen, Ready)
    assert chosen.env["MUJOCO_GL"] == "osmesa"


def test_the_users_choice_is_tried_first() -> None:
    """A backend asked for by MUJOCO_GL is chosen where it works, in any letter case."""
    chosen = gl.choose(_works("egl", "osmesa"), {"MUJOCO_GL": "OSMesa"})
    assert isinstance(chosen, Ready)
    assert chosen.env["MUJOCO_GL"] == "osmesa"


def test_none_says_why_and_what_to_install() -> None:
    """Where no backend works, the reason names each with its problem, and the remedy is an apt line."""
    chosen = gl.choose(_works(), {"MUJOCO_GL": "disable"})
    assert isinstance(chosen, Missing)
    assert "egl: no such library" in chosen.reason
    assert "osmesa: no such library" in chosen.reason
    assert chosen.remedy == "apt-get install libegl1 libosmesa6"


def test_an_unusable_backend_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that MuJoCo does not know ends its child, and the child's last line is the problem."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    problem = gl.probe("no-such-backend")
    assert "no-such-backend" in problem
    assert "\n" not in problem
    assert list(tmp_path.iterdir()) == []


def test_a_child_that_hangs_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe ends after its seconds, whatever its child does."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(gl, "_PROBE", "import time; time.sleep(600)")
    assert gl.probe("egl", seconds=0.2) == "no frame within 0.2 s"


@pytest.mark.parametrize(
    ("status", "stdout", "stderr", "problem"),
    [
        (0, "soak rendered 255\n", "", ""),
        (0, "soak rendered 0\n", "", "the frame is black"),
        (-11, "soak rendered 255\n", "", "exit status -11, without a word"),
        (1, "", "Traceback\n  ImportError: no libEGL\n\n", "exit status 1, ImportError: no libEGL"),
        (0, "", "", "exit status 0, without a word"),
    ],
)
def test_a_childs_end_is_judged_by_its_frame(status: int, stdout: str, stderr: str, problem: str) -> None:
    """Only a bright frame and a clean exit prove a backend."""
    assert gl._judge(status, stdout, stderr) == problem


def test_importing_the_need_imports_no_mujoco() -> None:
    """The module is imported where a scenario is merely listed: it brings neither mujoco nor GL along."""
    code = "import sys, soak.targets.gl; print(sorted({'mujoco', 'numpy', 'OpenGL'} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_this_machine_is_told_ready_or_missing() -> None:
    """The real need answers with a known backend's environment, or says what to install."""
    answer = gl.gl()
    match answer:
        case Ready(env=env):
            assert env["MUJOCO_GL"] in gl.BACKENDS
        case Missing(remedy=remedy):
            assert "libosmesa6" in remedy
