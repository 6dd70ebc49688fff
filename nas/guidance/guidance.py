"""Guidance: which guide to believe on the history so far, fitted as the history grows."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from nas.errors import NasError
from nas.guidance.acquisition import ACQUISITIONS
from nas.guidance.guide import Floats, Guide, Maker
from nas.guidance.process import process
from nas.guidance.skill import beats_chance, skill
from nas.guidance.trees import trees
from pruning.naming import unknown

GUIDES: dict[str, Maker] = {"process": process, "trees": trees}
"""What may guide a search; one file each."""

CHECKS = (1.0, 1.5, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
"""At these multiples of the minimum the guides are compared anew."""


FEW = 10
"""Records between two fits of some hundred."""
MANY = 1000
"""Records from which on fits become rarer: the number between two of them doubles whenever that of all does."""


@dataclass(frozen=True)
class GuidanceSettings:
    """How proposals are chosen.

    Args:
        minimum: finished records before a guide is asked; at least 3.
        oversample: proposals among which one is chosen.
        explore: share of proposals that are the strategy's own choice, in [0, 1].
        guides: names of GUIDES that compete.
        acquisition: a name of ACQUISITIONS.
        spread: whether the records before `minimum` are spread out in feature space, the farthest proposal first.
    """

    minimum: int = 10
    oversample: int = 16
    explore: float = 0.1
    guides: tuple[str, ...] = ("process", "trees")
    acquisition: str = "expected_improvement"
    spread: bool = True

    def __post_init__(self) -> None:
        if self.minimum < 3 or self.oversample < 1 or not 0.0 <= self.explore <= 1.0:
            raise NasError(
                f"guidance needs minimum >= 3, oversample >= 1 and explore in [0, 1]; got "
                f"{self.minimum}, {self.oversample}, {self.explore}. Change the guidance settings."
            )
        if not self.guides:
            raise NasError(f"guidance needs at least one guide; got none. Known: {sorted(GUIDES)}.")
        for name in self.guides:
            if name not in GUIDES:
                raise NasError(unknown("guide", name, GUIDES))
        if self.acquisition not in ACQUISITIONS:
            raise NasError(unknown("acquisition", self.acquisition, ACQUISITIONS))


@dataclass(frozen=True)
class Chosen:
    """A fitted guide, its name and its out-of-fold rank correlation (0 where there was no competition)."""

    guide: Guide
    name: str
    tau: float


class Guidance:
    """Fits and compares guides. What it returns is a function of its arguments; it only remembers its last answers.

    Args:
        settings: see `GuidanceSettings`.
        names: of the feature columns, as "group/name".
    """

    def __init__(self, settings: GuidanceSettings, names: Sequence[str]) -> None:
        self.settings = settings
        self._names = tuple(names)
        self._compare = lru_cache(maxsize=8)(self._compared)
        self._fits: deque[tuple[Floats, Floats, Chosen | None]] = deque(maxlen=2)

    def guide(self, x: Floats, y: Floats) -> Chosen | None:
        """Return the guide for a history of features (n, columns) and merits (n,); None if none is to be believed.

        It is fitted on the history without its newest records (`fitted_rows`), so that a fit serves several proposals.
        """
        rows = self.fitted_rows(len(y))
        if rows < self.settings.minimum:
            return None
        x, y = x[:rows], y[:rows]
        for known_x, known_y, chosen in self._fits:  # compared, not hashed: a long history is read once that way
            if np.array_equal(known_y, y) and np.array_equal(known_x, x):
                return chosen
        self._fits.appendleft((x.copy(), y.copy(), self._fitted(x, y)))
        return self._fits[0][2]

    def fitted_rows(self, count: int) -> int:
        """Return how many of `count` records a guide is fitted on: all but a few of the newest.

        Less than a tenth is left out of few, at most nine of some hundred; from `MANY` on at most 2 in a hundred, so
        that fits, whose cost grows with the records, are as much rarer.
        """
        if count < self.settings.minimum:
            return 0
        if count >= MANY:
            return count - count % (FEW << (count // MANY).bit_length())
        return max(self.settings.minimum, count - count % max(1, count // FEW))

    def prefer(self, chosen: Chosen, x: Floats, best: float, rng: np.random.Generator) -> Floats:
        """Return the acquisition of each row (m, columns); the largest is wanted most."""
        mean, deviation = chosen.guide.posterior(x)
        return ACQUISITIONS[self.settings.acquisition](mean, deviation, best, rng)

    def _make(self, name: str) -> Guide:
        return GUIDES[name](self._names, 0)

    def _fitted(self, features: Floats, merits: Floats) -> Chosen | None:
        counts = [int(self.settings.minimum * check) for check in CHECKS]
        checked = max(count for count in counts if count <= len(merits))
        found = self._compare(features[:checked].tobytes(), merits[:checked].tobytes(), checked)
        if found is None or np.ptp(merits) == 0.0:
            return None
        name, tau = found
        return Chosen(self._make(name).fit(features, merits), name, tau)

    def _compared(self, x: bytes, y: bytes, rows: int) -> tuple[str, float] | None:
        features, merits = np.frombuffer(x).reshape(rows, -1), np.frombuffer(y)
        taus = {
            name: skill(partial(self._make, name), features, merits, np.random.default_rng(rows))
            for name in self.settings.guides
        }
        best = max(taus, key=lambda name: taus[name])
        return (best, taus[best]) if beats_chance(taus[best], rows) else None
