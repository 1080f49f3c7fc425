"""Who looks for the bugs, by name, in the order of the table."""

from __future__ import annotations

from benchmarks.detection.contenders.contender import Contender
from benchmarks.detection.contenders.loop import LOOPS
from benchmarks.detection.contenders.model import Model
from benchmarks.detection.contenders.peers import PEERS

CONTENDERS: dict[str, Contender] = {contender.name: contender for contender in (Model(), *PEERS, *LOOPS)}
