"""The tallies of some nights, place by place, with their running sums: nights are pooled over and over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from soak.findings.trials import Place, Tally, added

#: One night's tallies, or the sum of several.
Tallies = Mapping[Place, Tally]


class Ledger:
    """Nights in order, oldest first."""

    def __init__(self, nights: Iterable[Tallies] = ()) -> None:
        self._nights: list[Tallies] = []
        self._sums: list[Tallies] = [{}]
        self.extend(nights)

    def __len__(self) -> int:
        return len(self._nights)

    def extend(self, nights: Iterable[Tallies]) -> None:
        """Later nights."""
        for night in nights:
            self._nights.append(night)
            self._sums.append(added(self._sums[-1], night))

    def last(self, count: int) -> list[Tallies]:
        """The last ``count`` nights, of as many at least."""
        return self._nights[len(self) - count :]

    def before(self, count: int) -> Tallies:
        """The sum of all but the last ``count`` nights."""
        return self._sums[len(self) - count]

    @property
    def nights(self) -> list[Tallies]:
        """All of them."""
        return self.last(len(self))

    @property
    def total(self) -> Tallies:
        """Their sum."""
        return self._sums[-1]
