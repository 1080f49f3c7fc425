"""The worker's own figures."""

from __future__ import annotations

import ctypes
import os
import platform

import pytest

from soak.worker.figures import Gauge


def test_descriptors_and_threads_are_counted() -> None:
    """Two more descriptors are two more."""
    gauge = Gauge()
    before = gauge.read()
    pair = os.pipe()
    after = gauge.read()
    for fd in pair:
        os.close(fd)
    assert after.fds - before.fds == 2
    assert after.threads >= 1


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallinfo2 is glibc's")
def test_native_memory_is_in_the_heap() -> None:
    """What native code takes by malloc shows, small and large, to the byte's neighbourhood."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.free.argtypes = [ctypes.c_void_p]
    gauge = Gauge()
    before = gauge.read().heap
    taken = [libc.malloc(100_000), libc.malloc(50_000_000)]
    grown = gauge.read().heap - before
    for block in taken:
        libc.free(block)
    assert 50_100_000 <= grown < 51_000_000


def test_python_objects_are_in_the_blocks() -> None:
    """Ten thousand objects are at least so many blocks."""
    gauge = Gauge()
    before = gauge.read().blocks
    kept = [object() for _ in range(10_000)]
    assert gauge.read().blocks - before >= len(kept)
