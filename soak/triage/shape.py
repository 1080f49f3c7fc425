"""What a scenario is made of, as far as it can be narrowed, and the file that says so."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soak import catalogue

#: Of the perturbations, the heaviest first.
LEVELS = ("heavy", "light", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """``threads`` are those of operations that have their own (or processes); the others share the ``pool``.

    An empty ``target`` is the scenario's own.
    """

    operations: tuple[str, ...]
    threads: Mapping[str, int]
    pool: int
    nemeses: tuple[str, ...]
    seconds: float
    rounds: int | None
    perturb: str
    target: str

    @property
    def workforce(self) -> int:
        """How many threads and processes operate."""
        own = sum(self.threads[name] for name in self.operations if name in self.threads)
        return own + (self.pool if self.has_pool else 0)

    @property
    def has_pool(self) -> bool:
        """Whether an operation is the pool's."""
        return any(name not in self.threads for name in self.operations)


def shape_of(record: Mapping[str, Any], *, perturb: str, target: str) -> Shape:
    """The shape of a scenario, as its own process described it."""
    return Shape(
        operations=tuple(record["operations"]),
        threads={name: count for name, count in record["threads"].items() if count},
        pool=record["pool"],
        nemeses=tuple(record["nemeses"]),
        seconds=record["seconds"],
        rounds=record["rounds"],
        perturb=perturb,
        target=target,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the whole scenario is: its file, its name, and its shape there."""

    file: Path
    name: str
    whole: Shape

    def word_for(self, folder: Path) -> str:
        """How a file in ``folder`` names it: a built-in scenario by its name, another one by its path."""
        if self.file.parent == catalogue.built_in_folder():
            return f"{self.file.stem}::{self.name}"
        path = os.path.relpath(self.file, folder)
        return f"{path}::{self.name}"

    def text(self, shape: Shape, folder: Path, doc: str) -> str:
        """The file that narrows it to ``shape``, to be written in ``folder``; ``doc`` is its docstring."""
        variable = self.name if self.name.isidentifier() and self.name != "soak" else "shrunk"
        words = [f"    {line},\n" for line in self._arguments(shape, folder)]
        escaped = doc.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
        if escaped.endswith('"'):
            escaped = f'{escaped[:-1]}\\"'
        return f'"""{escaped}"""\n\nimport soak\n\n{variable} = soak.narrowed(\n{"".join(words)})\n'

    def _arguments(self, shape: Shape, folder: Path) -> list[str]:
        whole, lines = self.whole, [_literal(self.word_for(folder))]
        if self.file.parent != catalogue.built_in_folder():
            lines.append("beside=__file__")
        if shape.operations != whole.operations:
            lines.append(f"operations={_literal(shape.operations)}")
        threads = {
            name: shape.threads[name]
            for name in shape.operations
            if name in shape.threads and shape.threads[name] != whole.threads.get(name)
        }
        if threads:
            lines.append(f"threads={_literal(threads)}")
        if shape.has_pool and shape.pool != whole.pool:
            lines.append(f"pool={shape.pool}")
        if shape.nemeses != whole.nemeses:
            lines.append(f"nemeses={_literal(shape.nemeses)}")
        if shape.seconds != whole.seconds:
            lines.append(f"seconds={shape.seconds}")
        if shape.rounds != whole.rounds:
            lines.append(f"rounds={shape.rounds}")
        if shape.target:
            lines.append(f"target={_literal(shape.target)}")
        return lines


def _literal(value: object) -> str:
    """A value as people here write it: with double quotes, as JSON's strings are Python's too."""
    match value:
        case tuple():
            inner = ", ".join(map(_literal, value))
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        case dict():
            return "{" + ", ".join(f"{_literal(key)}: {_literal(item)}" for key, item in value.items()) + "}"
        case str():
            return json.dumps(value)
        case _:
            return repr(value)
