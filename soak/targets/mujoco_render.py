"""Renders the simulation's cameras. One thread makes, uses and closes a renderer: it owns the GL context.

A native renderer is bound to one model, so that it is made anew after a recompile. Only the scene lock's
holder may let MuJoCo read the data (``update_scene`` crashes against a step); drawing goes without the lock.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Protocol, Self

import mujoco

from soak.author import Refused, doing
from soak.targets.mujoco_engine import SceneClosed

#: A frame gives up after so many recompiles that came while a renderer was being made.
ATTEMPTS = 5


class Scene(Protocol):
    """What a renderer needs of its engine."""

    def scene(self) -> Any: ...
    def open_native_renderer(self, model: Any, height: int, width: int) -> Any: ...
    def close_native_renderer(self, native: Any) -> None: ...


class SceneRenderer:
    """Draws frames of an engine's scene, for the thread that made it. A context manager: it closes itself."""

    def __init__(self, engine: Scene, height: int, width: int) -> None:
        """Make no context yet: the first frame does, in the thread that asks for it."""
        self._engine = engine
        self._size = (height, width)
        self._native: Any = None
        self._model: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def frame(self, camera: str) -> Any | Refused:
        """The picture of ``camera`` as an array of height × width × 3 bytes, or why there is none."""
        with doing("render"):
            refusal = self._update(camera)
            return self._native.render() if refusal is None else refusal

    def close(self) -> None:
        """Give the context back. In the owner's thread; a second call does nothing."""
        native, self._native, self._model = self._native, None, None
        if native is not None:
            with doing("close renderer"):
                self._engine.close_native_renderer(native)

    def _update(self, camera: str) -> Refused | None:
        """Let the native renderer take in the scene as it is now."""
        for _ in range(ATTEMPTS):
            try:
                with self._engine.scene() as (model, data):
                    if model is self._model:
                        return self._take_in(model, data, camera)
            except SceneClosed as closed:
                return Refused(what="render", because=str(closed), remedy="close this renderer")
            self.close()
            self._native = self._engine.open_native_renderer(model, *self._size)
            self._model = model
        because = f"the scene was recompiled {ATTEMPTS} times while a renderer was being made"
        return Refused(what="render", because=because, remedy="try again")

    def _take_in(self, model: Any, data: Any, camera: str) -> Refused | None:
        if mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA.value, camera) < 0:
            because = f"there is no camera {camera!r}"
            return Refused(what="render", because=because, remedy="choose one of cameras()")
        self._native.update_scene(data, camera)
        return None
