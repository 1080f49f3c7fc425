"""Which functions of a module are told before anything of it has run."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from soak.schedule.functions import functions_of

SOURCE = """
import functools, json
from contextlib import contextmanager

def plain(): pass
def deleted(): pass
TABLE = {"of": [lambda: plain], "it": TABLE_OF_ITSELF}
del deleted

class Kind:
    def method(self): pass
    @staticmethod
    def static(): pass
    @classmethod
    def of_class(cls): pass
    @property
    def value(self): pass
    @functools.cached_property
    def cached(self): pass
    class Inner:
        def innermost(self): pass

@contextmanager
def managed(): yield
@functools.cache
def remembered(): pass
part = functools.partial(plain)
"""


def module_of(source: str) -> types.ModuleType:
    module = types.ModuleType("written_here")
    module.__dict__["TABLE_OF_ITSELF"] = module.__dict__
    exec(compile(source, "written_here.py", "exec"), module.__dict__)
    return module


def names(found: Any) -> set[str]:
    return {one.__qualname__ for one in found if one.__code__.co_filename == "written_here.py"}


def test_every_way_to_keep_a_function_is_gone() -> None:
    """By name, in containers and classes, behind what the standard library decorates with."""
    found = names(functions_of(test_every_way_to_keep_a_function_is_gone, [module_of(SOURCE)]))
    methods = {f"Kind.{name}" for name in ("method", "static", "of_class", "value", "cached")}
    assert found == {"plain", "<lambda>", "managed", "remembered", "Kind.Inner.innermost"} | methods


def test_each_function_is_told_once() -> None:
    """Though there are two ways to it, and a module that holds itself."""
    found = [one.__qualname__ for one in functions_of(len, [module_of(SOURCE)])]
    assert found.count("plain") == 1


def test_what_a_closure_keeps_is_found() -> None:
    """The function that is explored may be an inner one, whose neighbours only its cells know."""

    def neighbour() -> None:
        """Is known to the next one."""

    def explored() -> Callable[[], None]:
        return neighbour

    assert neighbour in list(functions_of(explored, []))


def test_an_unbound_cell_is_no_error() -> None:
    """A name that is bound later."""

    def explored() -> object:
        return late

    found = list(functions_of(explored, []))
    late = None
    assert explored in found and explored() is late


def test_other_peoples_classes_are_not_entered() -> None:
    """They come with whatever their modules keep."""
    module = module_of("from collections import OrderedDict")
    found = {one.__module__ for one in functions_of(len, [module])}
    assert "collections" not in found


def test_decorated_functions_hold_the_inner_one() -> None:
    """``functools.wraps`` and contextmanager keep it in a cell."""

    @contextmanager
    def managed() -> Any:
        yield

    @functools.wraps(managed)
    def outer() -> None:
        managed()

    found = {one.__code__.co_name for one in functions_of(outer, [])}
    assert {"outer", "managed", "helper"} <= found
