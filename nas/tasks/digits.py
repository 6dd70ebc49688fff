"""scikit-learn's 1,797 handwritten digits, 8x8: embedded, so it needs no file and trains in a second."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nas.tasks.assemble import assemble
from nas.tasks.augment import Augmentation
from nas.tasks.task import Task


def digits(data: Path | None = None) -> Task:
    """Return the digits task: pixels 0..16, split 1,077 / 360 / 360, shifted by at most one pixel in training.

    `data` is not used. Source: E. Alpaydin and C. Kaynak, 1998, UCI Optical Recognition of Handwritten Digits
    (its test set), as distributed with scikit-learn.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = bunch.images.astype(np.uint8)[:, None]
    augment = Augmentation(pad=1, border="zero")
    return assemble("digits", images, bunch.target.astype(np.int64), held_out=360, test=360, augment=augment)
