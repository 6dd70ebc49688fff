"""What a proposal promises when there are several objectives: hypervolume beyond the measured front."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nas.hypervolume import improvement
from nas.objectives import OBJECTIVES

Floats = NDArray[np.float64]


class Scales:
    """The scales on which progress counts, every objective to be maximised.

    Accuracies and errors by the negative logarithm of the error, costs by their negative logarithm: halving the error
    of a network is worth as much as halving its size. Errors below half a validation image count as that.

    Args:
        objectives: the study's.
        images: in the validation split.
    """

    def __init__(self, objectives: Sequence[str], images: int) -> None:
        self._objectives = tuple(OBJECTIVES[name] for name in objectives)
        self._floor = 0.5 / images

    def points(self, values: Floats) -> Floats:
        """Return the points (n, d) of objective values (n, d)."""
        columns = []
        for column, objective in zip(values.T, self._objectives, strict=True):
            error = 1.0 - column if objective.kind == "accuracy" else column
            least = objective.least if objective.kind == "cost" else self._floor
            columns.append(-np.log10(np.maximum(error, least)))
        return np.stack(columns, axis=1)

    def reference(self, points: Floats) -> Floats:
        """Return the worst point that still counts, of those measured so far (n, d).

        The median of accuracies and of errors; in each cost the dearest network, a tenth dearer. With chance accuracy
        as the reference most of the volume would lie among networks too small to be of use, and a search would spend
        its trials there.
        """
        dearest = points.min(axis=0) - np.log10(1.1)
        return np.where([each.kind != "cost" for each in self._objectives], np.median(points, axis=0), dearest)


def promise(points: Floats, front: Floats, reference: Floats) -> Floats:
    """Return how much each point (n, d) promises to add to the measured front (m, d), all maximised.

    Where a point adds hypervolume: that volume. Elsewhere: minus the shift, equal in every objective (each scaled
    by the front's extent), that would bring the point onto the front; so points short of the front stay ordered.
    """
    extent = np.maximum(front.max(axis=0) - reference, 1e-12)
    scaled, scaled_front, origin = (
        (points - reference) / extent,
        (front - reference) / extent,
        np.zeros(len(extent)),
    )
    gains = np.array([improvement(point, scaled_front, origin) for point in scaled])
    shortfall = (scaled_front[None] - scaled[:, None]).min(axis=2).max(axis=1)
    return np.where(gains > 1e-12, gains, -np.maximum(shortfall, 0.0))
