"""The thirty kernels: from SCTBench (Thomson, Donaldson and Betts, PPoPP 2014), and the guard's own seven.

Ported from what the bugs are, in our own words; the threads start in the original's order.
"""

from benchmarks.detection.kernel import Kernel
from benchmarks.detection.kernels import buffers, gaps, guards, locks, monitors, orders, stages

#: By name, in the order of the table.
KERNELS: dict[str, Kernel] = {
    kernel.name: kernel
    for family in (orders, locks, stages, buffers, monitors, guards, gaps)
    for kernel in family.KERNELS
}
