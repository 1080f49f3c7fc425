"""Two hooks into MuJoCo's C library: its ``exit(1)`` becomes a SIGABRT, its memory gets guard pages.

MuJoCo answers an internal error with C ``exit(1)``: no signal, no traceback. With a handler that aborts, the
process dies of SIGABRT instead, and faulthandler and a core can say where.
"""

from __future__ import annotations

import ctypes
import mmap
from pathlib import Path

import mujoco

_PAGE = mmap.PAGESIZE
_ALIGN = 64  # bytes: what MuJoCo's vector code is promised
_PROT_NONE = 0
_MAP_FAILED = ctypes.c_void_p(-1).value

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def abort_on_error() -> None:
    """Let MuJoCo's internal errors abort the process, after its message went to stderr.

    Raises:
        OSError: MuJoCo's library is not where its package is.
    """
    handler = ctypes.c_void_p.in_dll(_library(), "mju_user_error")
    # glibc's __libc_fatal takes the very argument that MuJoCo hands over, prints it and aborts; a C library
    # without it still has abort, which loses the message.
    fatal = getattr(_libc, "__libc_fatal", None) or _libc.abort
    handler.value = ctypes.cast(fatal, ctypes.c_void_p).value


def _library() -> ctypes.CDLL:
    """MuJoCo's C library, as it is loaded already."""
    folder = Path(str(mujoco.__file__)).parent
    found = sorted(folder.glob("libmujoco.so*"))
    if not found:
        raise OSError(f"expected libmujoco.so in {folder}, found none; is mujoco installed whole?")
    return ctypes.CDLL(str(found[0]))


class GuardPages:
    """An allocator that ends every block at a page which nobody may touch: an overflow faults at once.

    The end is exact to 63 bytes, for blocks begin at a multiple of 64. Freed blocks are unmapped, so that a
    late use of them faults as well. Costs two system calls and at least two pages a block.
    """

    def __init__(self) -> None:
        self._blocks: dict[int, tuple[int, int]] = {}
        self._malloc = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_size_t)(self.allocate)
        self._free = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self.release)

    def install(self) -> None:
        """Let MuJoCo allocate here from now on. There is no way back while blocks are in use."""
        mujoco.set_mju_user_free(self._free)
        mujoco.set_mju_user_malloc(self._malloc)

    def allocate(self, size: int) -> int | None:
        """The address of a block of ``size`` bytes, None where there is no memory."""
        rounded = -(-max(size, 1) // _ALIGN) * _ALIGN
        whole = -(-rounded // _PAGE) * _PAGE
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        base = _libc.mmap(None, whole + _PAGE, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0)
        if base is None or base == _MAP_FAILED:
            return None
        if _libc.mprotect(base + whole, _PAGE, _PROT_NONE):
            _libc.munmap(base, whole + _PAGE)
            return None
        address: int = base + whole - rounded
        self._blocks[address] = (base, whole + _PAGE)
        return address

    def release(self, address: int | None) -> None:
        """Give the block at ``address`` back; what was allocated before :meth:`install` is left to leak."""
        block = self._blocks.pop(address, None) if address else None
        if block is not None:
            _libc.munmap(*block)


_guard_pages: list[GuardPages] = []  # kept alive for as long as the process: C code calls into it


def guard_memory() -> None:
    """Put guard pages behind all that MuJoCo allocates from now on, once."""
    if not _guard_pages:
        _guard_pages.append(GuardPages())
        _guard_pages[0].install()
