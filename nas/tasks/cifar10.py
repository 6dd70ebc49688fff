"""CIFAR-10: 60,000 colour images of ten kinds of things, 32x32, from the official binary version."""

from __future__ import annotations

from pathlib import Path

from nas.tasks.assemble import assemble
from nas.tasks.augment import Augmentation
from nas.tasks.cifar_binary import FOLDER, Images, read_archive, read_folder
from nas.tasks.download import check_md5, download
from nas.tasks.folder import data_folder
from nas.tasks.task import Task

ARCHIVE = "cifar-10-binary.tar.gz"
_URL = f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}"
_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
_VALIDATION = 5_000


def cifar10(data: Path | None) -> Task:
    """Return CIFAR-10, split 45,000 / 5,000 / 10,000; cropped (4 pixels, reflected) and flipped in training.

    Looked for, in this order: the unpacked folder cifar-10-batches-bin in `data` or `data`/cifar10, then the
    archive cifar-10-binary.tar.gz in them, which is downloaded to `data` if missing. Source: A. Krizhevsky,
    2009, Learning Multiple Layers of Features from Tiny Images.

    Raises:
        NasError: no data folder given, nothing found or downloadable, a wrong checksum, or a broken file.
    """
    (images, labels), test = _read(data_folder("cifar10", data))
    augment = Augmentation(pad=4, flip=True, border="reflect")
    return assemble("cifar10", images, labels, held_out=_VALIDATION, test=test, augment=augment)


def _read(data: Path) -> tuple[Images, Images]:
    places = (data, data / "cifar10")
    for place in places:
        if (place / FOLDER).is_dir():
            return read_folder(place / FOLDER)
    for place in places:
        if (place / ARCHIVE).is_file():
            check_md5(place / ARCHIVE, _MD5)
            return read_archive(place / ARCHIVE)
    download(_URL, data / ARCHIVE, _MD5)
    return read_archive(data / ARCHIVE)
