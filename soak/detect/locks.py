"""Which locks a thread that stands still holds and waits for, read off the source lines it stands at.

Python tells nobody who owns a ``threading.Lock``. But a stack says in which line each of its functions is,
and the source says what a line stands in: the body of ``with self._lock:`` is run by its holder, its first
line by who waits for it. A lock is named by its last word alone (``_lock``), for one lock is ``self._lock``
here and ``engine._lock`` there; so two locks of one name are taken for one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from soak.detect.frames import plain_function
from soak.events import Frame

_WAITS = frozenset({"wait", "wait_for"})
_SAYS_LOCK = re.compile(r"lock|mutex|sema|cond|guard|monitor|exclusive", re.IGNORECASE)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Locks:
    """The locks of one frame, or of one thread: those it ``holds`` and those it ``waits`` for."""

    holds: frozenset[str] = frozenset()
    waits: frozenset[str] = frozenset()


class Sources:
    """Reads and remembers sources. ``read`` gives a file's text, or "" where it cannot be had."""

    def __init__(self, read: Callable[[str], str]) -> None:
        self._read = read
        self._functions: dict[str, tuple[_Function, ...]] = {}

    def locks(self, frame: Frame) -> Locks:
        """The locks of a Python frame; none where the source is not there, or another one by now."""
        if frame.native or not frame.line:
            return Locks()
        function = self._function(frame)
        if function is None:
            return Locks()
        holds: set[str] = set()
        waits: set[str] = set()
        for node in ast.walk(function):
            held, wanted = _of(node, frame.line)
            holds.update(held)
            waits.update(wanted)
        return Locks(holds=frozenset(holds), waits=frozenset(waits))

    def _function(self, frame: Frame) -> _Function | None:
        """The innermost function of the frame's name around its line."""
        name = plain_function(frame)
        around = [
            function
            for function in self._functions_of(frame.file)
            if function.name == name and function.lineno <= frame.line <= (function.end_lineno or 0)
        ]
        return max(around, key=lambda function: function.lineno, default=None)

    def _functions_of(self, file: str) -> tuple[_Function, ...]:
        if file not in self._functions:
            try:
                tree = ast.parse(self._read(file))
            except (SyntaxError, ValueError, RecursionError, MemoryError):  # of a newer Python, or no source
                self._functions[file] = ()
            else:
                self._functions[file] = tuple(node for node in ast.walk(tree) if isinstance(node, _FUNCTIONS))
        return self._functions[file]


def _of(node: ast.AST, line: int) -> tuple[set[str], set[str]]:
    """What the holder of one statement holds at ``line``, and what it waits for there."""
    match node:
        case ast.With() | ast.AsyncWith():
            names = {_lock(item.context_expr) for item in node.items} - {""}
            if node.body[0].lineno <= line <= (node.body[-1].end_lineno or 0) and line != node.lineno:
                return names - _released(node.body, line), set()
            at_its_head = node.lineno <= line < node.body[0].lineno or line == node.lineno
            return set(), names if at_its_head else set()
        case ast.Try() if node.body[0].lineno <= line <= (node.body[-1].end_lineno or 0):
            released = {name for each in node.finalbody for name in _called(each, frozenset({"release"}))}
            return released - _released(node.body, line), set()
        case ast.Call() if node.lineno <= line <= (node.end_lineno or 0):
            return set(), set(_called(node, frozenset({"acquire"})))
        case _:
            return set(), set()


def _released(body: list[ast.stmt], line: int) -> set[str]:
    """Conditions that are waited for at ``line``: waiting gives the lock up."""
    return {
        name
        for each in body
        for call in ast.walk(each)
        if isinstance(call, ast.Call) and call.lineno <= line <= (call.end_lineno or 0)
        for name in _called(call, _WAITS)
    }


def _called(node: ast.AST, methods: frozenset[str]) -> Iterator[str]:
    """The last words of what one of ``methods`` is called on, within ``node``."""
    for call in ast.walk(node):
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr in methods
            and (name := _name(call.func.value))
        ):
            yield name


def _lock(expression: ast.expr) -> str:
    """What may be a lock in the head of a `with`: an object, or a call that says so. ``doing("step")`` is
    none, and where it shares its line with a lock, nothing tells which of the two is waited for."""
    name = _name(expression)
    if isinstance(expression, ast.Call) and not _SAYS_LOCK.search(name):
        return ""
    return name


def _name(expression: ast.expr) -> str:
    """``_lock`` of ``self._lock``, ``self._lock()`` and ``self._lock[key]``; "" of anything else."""
    match expression:
        case ast.Name():
            return expression.id
        case ast.Attribute():
            return expression.attr
        case ast.Call():
            return _name(expression.func)
        case ast.Subscript():
            return _name(expression.value)
        case _:
            return ""
