"""Where a switch can happen: a line or an opcode of the target, and which shared names it touches.

The names are read off the bytecode. They order the search and never limit it; what does limit it is that a
line that works on local variables only is no point, because a switch before it is a switch before the next
line that does not.
"""

from __future__ import annotations

import builtins
import dis
import functools
import linecache
import types
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOCAL = {
    "BUILD_CONST_KEY_MAP", "BUILD_LIST", "BUILD_MAP", "BUILD_SET", "BUILD_STRING", "BUILD_TUPLE", "CACHE",
    "CHECK_EXC_MATCH", "COPY", "COPY_FREE_VARS", "DELETE_FAST", "END_FOR", "EXTENDED_ARG", "IS_OP",
    "KW_NAMES",
    "LOAD_ASSERTION_ERROR", "LOAD_CLOSURE", "LOAD_CONST", "MAKE_CELL", "MAKE_FUNCTION", "NOP", "POP_EXCEPT",
    "POP_TOP", "PRECALL", "PUSH_EXC_INFO", "PUSH_NULL", "RAISE_VARARGS", "RERAISE", "RESUME", "RETURN_CONST",
    "RETURN_GENERATOR", "RETURN_VALUE", "SET_FUNCTION_ATTRIBUTE", "SWAP", "TO_BOOL", "UNARY_NOT",
}  # fmt: skip
LOCAL_PREFIXES = ("JUMP_", "LOAD_FAST", "POP_JUMP_", "STORE_FAST")
READS = {"LOAD_ATTR", "LOAD_CLASSDEREF", "LOAD_DEREF", "LOAD_GLOBAL", "LOAD_METHOD", "LOAD_NAME"}
WRITES = {
    "DELETE_ATTR", "DELETE_DEREF", "DELETE_GLOBAL", "DELETE_NAME", "STORE_ATTR", "STORE_DEREF",
    "STORE_GLOBAL",
    "STORE_NAME",
}  # fmt: skip
ITEM_WRITES = {"DELETE_SUBSCR", "STORE_SLICE", "STORE_SUBSCR"}
ITEM_READS = {"BINARY_SLICE", "BINARY_SUBSCR", "CONTAINS_OP", "FOR_ITER"}
ITEM = "[]"
MUTATORS = {
    "acquire", "add", "append", "appendleft", "clear", "close", "discard", "extend", "get", "insert",
    "notify",
    "notify_all", "pop", "popitem", "popleft", "put", "release", "remove", "set", "setdefault", "submit",
    "update",
    "wait", "write", "write_text",
}  # fmt: skip
NOT_DATA = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Place:
    """A line (`offset` -1) or an opcode, compared by identity."""

    file: str
    line: int
    offset: int
    function: str
    reads: frozenset[str]
    writes: frozenset[str]

    @property
    def source(self) -> str:
        """The line as it stands in the file, without its indent and what is said about it."""
        return linecache.getline(self.file, self.line).partition("  #")[0].strip()

    @property
    def key(self) -> str:
        """The same in every process."""
        at = f"{short(self.file)}:{self.line}"
        return at if self.offset < 0 else f"{at}+{self.offset}"

    def __str__(self) -> str:
        source = self.source
        return f"{short(self.file)}:{self.line}" + (f" `{source}`" if source else "")

    def races(self, other: Place) -> bool:
        """Whether the order of the two could matter, as far as names tell."""
        return bool(self.writes & other.writes or self.writes & other.reads or self.reads & other.writes)


Trail = Sequence[tuple[int, Place | str]]
"""What happened, in order: a thread reached a place, or did what the words say."""


@functools.cache
def short(file: str) -> str:
    """`package/module.py`: the name of a file in tokens and stories, the same on every machine."""
    path = Path(file)
    start = path.parent
    while (start / "__init__.py").is_file():
        start = start.parent
    return path.relative_to(start).as_posix()


class Places:
    """The places of one target, made once each."""

    def __init__(self) -> None:
        # By id, because hashing a code object hashes all its constants; the code is kept so that no id is
        # reused.
        self._lines: dict[int, tuple[types.CodeType, dict[int, Place | None]]] = {}
        self.known: dict[int, dict[int, Place | None]] = {}
        """The places of the lines that were met, by their code's id and number."""
        self._opcodes: dict[int, tuple[types.CodeType, dict[int, Place | None]]] = {}

    def line(self, code: types.CodeType, line: int, names: dict[str, Any]) -> Place | None:
        """The line's place, or None if it touches nothing that threads share."""
        known = self._lines.get(id(code))
        if known is None:
            known = self._lines[id(code)] = (code, _by_line(code, names))
            self.known[id(code)] = known[1]
        try:
            return known[1][line]
        except KeyError:
            place = known[1][line] = _place(code, line, -1, [], names)
            return place

    def opcode(self, code: types.CodeType, offset: int, names: dict[str, Any]) -> Place | None:
        """The opcode's place, or None if it touches nothing that threads share."""
        known = self._opcodes.get(id(code))
        if known is None:
            known = self._opcodes[id(code)] = (code, _by_offset(code, names))
        return known[1].get(offset)


def _by_line(code: types.CodeType, names: dict[str, Any]) -> dict[int, Place | None]:
    lines: dict[int, list[dis.Instruction]] = {}
    for instruction in dis.get_instructions(code):
        line = instruction.positions.lineno if instruction.positions else None
        if line is not None:
            lines.setdefault(line, []).append(instruction)
    return {
        line: _place(code, line, -1, instructions, names) if any(map(_shared, instructions)) else None
        for line, instructions in lines.items()
    }


def _by_offset(code: types.CodeType, names: dict[str, Any]) -> dict[int, Place | None]:
    opcodes: dict[int, Place | None] = {}
    recent: list[dis.Instruction] = []
    for instruction in dis.get_instructions(code):
        line = instruction.positions.lineno if instruction.positions else None
        if not _shared(instruction):
            recent = recent if _local(instruction) else []
            continue
        # An item or a call touches what was loaded just before it.
        recent = [*recent[-2:], instruction]
        opcodes[instruction.offset] = _place(
            code, line or code.co_firstlineno, instruction.offset, recent, names
        )
    return opcodes


def _place(
    code: types.CodeType, line: int, offset: int, instructions: list[dis.Instruction], names: dict[str, Any]
) -> Place:
    reads: set[str] = set()
    writes: set[str] = set()
    mutates = False
    for instruction in instructions:
        name, op = instruction.argval, instruction.opname
        if op in WRITES:
            writes.add(str(name))
        elif op in READS and str(name) in MUTATORS:
            mutates = True
        elif op in READS and not _constant(str(name), op, names):
            reads.add(str(name))
        elif op in ITEM_WRITES:
            mutates = True
            writes.add(ITEM)
        elif op in ITEM_READS:
            reads.add(ITEM)
    if mutates:
        writes |= reads - {ITEM}
    return Place(
        file=code.co_filename,
        line=line,
        offset=offset,
        function=code.co_qualname,
        reads=frozenset(reads - writes),
        writes=frozenset(writes),
    )


def _constant(name: str, op: str, names: dict[str, Any]) -> bool:
    """A global that is a function, a class or a module is no data that threads change."""
    if op not in ("LOAD_GLOBAL", "LOAD_NAME"):
        return False
    if name not in names:
        return hasattr(builtins, name)
    return isinstance(names[name], NOT_DATA)


def _local(instruction: dis.Instruction) -> bool:
    return instruction.opname in LOCAL or instruction.opname.startswith(LOCAL_PREFIXES)


def _shared(instruction: dis.Instruction) -> bool:
    return not _local(instruction)
