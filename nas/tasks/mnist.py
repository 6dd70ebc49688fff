"""MNIST: 70,000 handwritten digits, 28x28, from its own idx.gz files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas.errors import NasError
from nas.tasks.assemble import assemble
from nas.tasks.augment import Augmentation
from nas.tasks.download import download
from nas.tasks.folder import data_folder
from nas.tasks.idx import read_idx
from nas.tasks.task import Task

_MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist"
_CHECKSUMS = {
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}
_VALIDATION = 5_000


def mnist(data: Path | None) -> Task:
    """Return MNIST, split 55,000 / 5,000 / 10,000, shifted by at most two pixels in training.

    The four idx.gz files are looked for in `data`/mnist and `data`, and downloaded to the first if neither has
    them. Source: Y. LeCun, C. Cortes and C. J. C. Burges, 1998, The MNIST database of handwritten digits.

    Raises:
        NasError: no data folder given, a file missing that cannot be downloaded, or a file breaks the format.
    """
    folder = data_folder("mnist", data)
    images, labels = _read(folder, "train")
    augment = Augmentation(pad=2, border="zero")
    return assemble("mnist", images, labels, held_out=_VALIDATION, test=_read(folder, "t10k"), augment=augment)


def _read(folder: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    images = read_idx(_find(folder, f"{part}-images-idx3-ubyte.gz"), axes=3)
    path = _find(folder, f"{part}-labels-idx1-ubyte.gz")
    labels = read_idx(path, axes=1)
    if len(images) != len(labels):
        raise NasError(f"MNIST must have one label for each image; got {len(labels)} for {len(images)} ({path}).")
    if len(labels) == 0:
        raise NasError(f"MNIST must have at least one image; got none ({path}). Download it again.")
    if labels.max() > 9:
        row = int(labels.argmax())
        raise NasError(
            f"an MNIST label must be in 0..9; got {labels[row]} (record {row} of {path}). Download it again."
        )
    return images[:, None], labels.astype(np.int64)


def _find(folder: Path, name: str) -> Path:
    for place in (folder / "mnist" / name, folder / name):
        if place.is_file():
            return place
    download(f"{_MIRROR}/{name}", folder / "mnist" / name, _CHECKSUMS[name])
    return folder / "mnist" / name
