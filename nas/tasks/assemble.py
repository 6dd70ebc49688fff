"""From arrays of images to a Task: the one place where splits, normalisation and shapes are decided."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from nas.seeds import numpy_stream
from nas.tasks.augment import Augmentation
from nas.tasks.splits import stratified
from nas.tasks.task import Split, Task, normalisation_of
from search_spaces.architecture import Signature


def assemble(
    name: str,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    *,
    held_out: int,
    test: tuple[NDArray[np.uint8], NDArray[np.int64]] | int,
    augment: Augmentation | None,
) -> Task:
    """Return the task of `images` (count, channels, height, width): `held_out` for validation, the rest to train.

    `test` is the official test set, or how many images of `images` to set aside where there is none. The
    splits are stratified and fixed by the task's name; the constants come from the training split alone.
    """
    set_aside = test if isinstance(test, int) else 0
    sizes = (len(labels) - held_out - set_aside, held_out, set_aside)
    train, val, aside = stratified(labels, sizes, numpy_stream(0, f"split/{name}"))
    tested = (images[aside], labels[aside]) if isinstance(test, int) else test
    split = _split(images[train], labels[train])
    return Task(
        name=name,
        signature=Signature(tuple(images.shape[1:]), int(labels.max()) + 1),
        train=split,
        val=_split(images[val], labels[val]),
        test=_split(*tested),
        normalise=normalisation_of(split.inputs),
        augment=augment,
    )


def _split(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> Split:
    writable = np.require(images, requirements=["C", "W"])  # a copy where the images are a view of file bytes
    return Split(torch.from_numpy(writable), torch.from_numpy(labels.astype(np.int64)))
