"""Several targets of the same rows, learned together: what they share is learned from all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np

from predictors.models.model import Floats, Model


class Pooled:
    """One model for each principal component of the targets, mapped back onto the targets.

    Targets are centred and divided by the deviation of their noise, so that noise is alike in all directions and a
    rotation leaves it uncorrelated. In the first components is what the targets share, at a better ratio of signal to
    noise than in any of them; in the last little but noise, which a model that estimates its noise predicts as 0.

    With Gaussian processes it is the exact posterior of a process of several outputs whose mixing is orthogonal in
    units of noise, at the cost of one process a target. With one target it is the model itself.

    Args:
        make: () -> unfitted model of one target.

    Source: Bruinsma et al., ICML 2020, arXiv 1911.06287, section 2 (orthogonal instantaneous linear mixing).
    Differs from the paper: the mixing is found first, by principal components, and not by the likelihood.
    """

    def __init__(self, make: Callable[[], Model]) -> None:
        self.make = make

    def fit(self, x: Floats, y: Floats, noise: Floats) -> Self:
        """Fit to rows x (n, columns), targets y (n, targets) and their noise's deviations (targets,); return self.

        A noise of 0, as without repeats, stands for a target whose own deviation is the unit.
        """
        spread = np.where(y.std(axis=0) > 0, y.std(axis=0), 1.0)
        self.centre_, self.unit_ = y.mean(axis=0), np.where(noise > 0, noise, spread)
        scaled = (y - self.centre_) / self.unit_
        axes = np.linalg.eigh(scaled.T @ scaled)[1].T[::-1]
        # an axis has two directions, and models that are not symmetric should see the targets' own
        self.axes_: Floats = axes * np.where(axes.sum(axis=1) < 0, -1.0, 1.0)[:, None]
        self.models_ = [self.make().fit(x, scaled @ axis) for axis in self.axes_]
        return self

    def predict(self, x: Floats) -> Floats:
        """Return (m, targets) predictions for rows x (m, columns)."""
        found = np.stack([model.predict(x) for model in self.models_], axis=1)
        return np.asarray(self.centre_ + self.unit_ * (found @ self.axes_))

    def deviation(self, x: Floats) -> Floats:
        """Return how much of an error to expect, (m, targets) > 0: the components' errors are independent."""
        found = np.stack([model.deviation(x) for model in self.models_], axis=1)
        return np.asarray(self.unit_ * np.sqrt(found**2 @ self.axes_**2))
