"""Renderers follow the scene, and belong to the thread that made them."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from soak.author import Missing, Refused
from soak.targets import gl, mujoco_render_oracle
from soak.targets.mujoco_sim import MujocoSim


class Native:
    """Stands for ``mujoco.Renderer``: remembers its model and what was done to it."""

    def __init__(self, model: Any, height: int, width: int) -> None:
        self.model = model
        self.calls: list[str] = []
        self._gl_context: object = self  # what the oracle reads, to tell a closed one
        self._mjr_context: object = self

    def update_scene(self, data: Any, camera: str) -> None:
        assert data.model is self.model
        self.calls.append(camera)

    def render(self) -> str:
        self.calls.append("render")
        return self.calls[-2]

    def close(self) -> None:
        self._gl_context = self._mjr_context = None
        self.calls.append("close")


class Filmed(MujocoSim):
    """A simulation that renders on :class:`Native`."""

    def __init__(self) -> None:
        super().__init__(period=0.0)
        self.natives: list[Native] = []

    def open_native_renderer(self, model: Any, height: int, width: int) -> Any:
        self.natives.append(Native(model, height, width))
        return self.natives[-1]


@pytest.fixture
def filmed() -> Iterator[Filmed]:
    sim = Filmed()
    yield sim
    sim.close()


@pytest.fixture
def watched() -> Iterator[None]:
    """The oracle, watching :class:`Native`."""
    mujoco_render_oracle.install(Native)
    yield
    mujoco_render_oracle.uninstall()


def test_frames_of_one_scene_come_from_one_renderer(filmed: Filmed) -> None:
    """As long as the model is the same, so is the native renderer; it is closed in the end, once."""
    with filmed.open_renderer() as renderer:
        assert [renderer.frame("front"), renderer.frame("front")] == ["front", "front"]
    renderer.close()
    assert [native.calls for native in filmed.natives] == [["front", "render", "front", "render", "close"]]


def test_a_recompile_gets_a_renderer_of_its_own(filmed: Filmed) -> None:
    """After the scene changed, the old native renderer is closed and a new one knows the new camera."""
    with filmed.open_renderer() as renderer:
        renderer.frame("front")
        filmed.add_camera("eye", [0, 0, 2])
        assert renderer.frame("eye") == "eye"
    assert [native.calls for native in filmed.natives] == [
        ["front", "render", "close"],
        ["eye", "render", "close"],
    ]


def test_an_unknown_camera_is_refused(filmed: Filmed) -> None:
    """A camera that is not there, or no longer, is named in a refusal."""
    with filmed.open_renderer() as renderer:
        refusal = renderer.frame("nowhere")
    assert isinstance(refusal, Refused) and "nowhere" in refusal.because


def test_a_closed_engine_has_no_pictures(filmed: Filmed) -> None:
    """A frame of an engine that was closed is refused, and its renderer can still be closed."""
    with filmed.open_renderer() as renderer:
        renderer.frame("front")
        filmed.close()
        assert isinstance(renderer.frame("front"), Refused)
    assert filmed.natives[0].calls[-1] == "close"


def test_a_scene_that_never_holds_still_is_given_up(filmed: Filmed) -> None:
    """A scene that is recompiled during every making of a renderer ends in a refusal; none is left open."""

    class Restless(Filmed):
        def open_native_renderer(self, model: Any, height: int, width: int) -> Any:
            self.reload()
            return super().open_native_renderer(model, height, width)

        def reload(self) -> None:
            self.load_scene("two_arms")

    sim = Restless()
    with sim.open_renderer() as renderer:
        refusal = renderer.frame("front")
    sim.close()
    assert isinstance(refusal, Refused) and "recompiled" in refusal.because
    assert all(native.calls == ["close"] for native in sim.natives)


def elsewhere(call: Any) -> list[BaseException]:
    """What ``call`` raises in another thread."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except AssertionError as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    return raised


@pytest.mark.usefixtures("watched")
def test_its_own_thread_may_do_anything(filmed: Filmed) -> None:
    """Made, used and closed in one thread: silence; closing what is closed, as finalisers do: silence too."""
    with filmed.open_renderer() as renderer:
        renderer.frame("front")
    assert elsewhere(filmed.natives[0].close) == []


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("call", ["render", "close", "update_scene"])
def test_another_threads_call_is_seen(filmed: Filmed, call: str) -> None:
    """Whatever another thread does with a living renderer is told."""
    renderer = filmed.open_renderer()
    renderer.frame("front")
    native = filmed.natives[0]
    arguments = (filmed._data, "front") if call == "update_scene" else ()
    raised = elsewhere(lambda: getattr(native, call)(*arguments))
    assert mujoco_render_oracle.OWN_THREAD in str(raised[0])
    renderer.close()


@pytest.mark.usefixtures("watched")
def test_two_threads_in_one_renderer_are_seen() -> None:
    """A call that comes while another thread is inside the renderer is told and not made."""
    native = Native(None, 1, 1)
    mujoco_render_oracle._owners.clear()  # so that nobody owns it and only the overlap is at fault
    mujoco_render_oracle._inside[id(native)] = (0, "render")
    raised = elsewhere(native.close)
    mujoco_render_oracle._inside.clear()
    assert mujoco_render_oracle.ONE_RENDER in str(raised[0])
    assert native.calls == []


FILM = """
import os
from soak.targets import mujoco_sim, policies
mujoco_sim.soak_prepare(guard_malloc=False)
sim = mujoco_sim.MujocoSim()
run = sim.start_policy("left", policies.sinusoid(), steps=20)
with sim.open_renderer(60, 80) as renderer:
    picture = renderer.frame("front")
    run.wait(30)
    sim.set_geom("floor", rgba=[1, 0, 0, 1])
    sim.add_camera("eye", [0, 0, 2])
    red = renderer.frame("eye")
print(picture.shape, int(picture.max()) > 0, red[..., 0].mean() > 2 * red[..., 1].mean(), flush=True)
sim.close()
os._exit(0)
"""


def test_a_real_picture_shows_the_scene(tmp_path: Path) -> None:
    """With a GL backend, frames have the size asked for and show what mutations made of the scene."""
    backend = gl.gl()
    if isinstance(backend, Missing):
        pytest.skip(backend.reason)
    done = subprocess.run(
        [sys.executable, "-c", FILM],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "HOME": str(tmp_path), **backend.env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == "(60, 80, 3) True True", done.stderr
