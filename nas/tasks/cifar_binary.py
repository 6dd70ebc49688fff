"""The official CIFAR-10 binary version: records of one label byte and 3,072 pixel bytes (RGB planes)."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nas.errors import NasError

Images: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.int64]]

FOLDER = "cifar-10-batches-bin"
TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_FILES = ("test_batch.bin",)
RECORDS = 10_000
_SHAPE = (3, 32, 32)
_RECORD_BYTES = 1 + 3 * 32 * 32


def read_folder(folder: Path, records: int = RECORDS) -> tuple[Images, Images]:
    """Return the training and the test images of an unpacked folder, `records` of them in each file.

    Raises:
        NasError: a file is missing, has another size, or holds a label above 9.
    """

    def content(name: str) -> bytes:
        path = folder / name
        try:
            return path.read_bytes()
        except OSError as error:
            raise NasError(
                f"CIFAR-10's binary version must have {name}; got {error.strerror} ({path}). "
                f"Unpack cifar-10-binary.tar.gz again."
            ) from None

    return _read(content, str(folder), records)


def read_archive(archive: Path, records: int = RECORDS) -> tuple[Images, Images]:
    """Return the training and the test images in cifar-10-binary.tar.gz, without unpacking it to disk.

    Raises:
        NasError: the archive is broken or lacks a file, or a file breaks the format.
    """
    try:
        members = dict(_members(archive))
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise NasError(
            f"archive must be a whole .tar.gz; got {error} ({archive}). Delete it and download it again."
        ) from None

    def content(name: str) -> bytes:
        if name not in members:
            raise NasError(
                f"CIFAR-10's archive must hold {FOLDER}/{name}; got none ({archive}). "
                f"Download cifar-10-binary.tar.gz, not the Python version."
            )
        return members[name]

    return _read(content, str(archive), records)


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(archive, "r|gz") as tar:
        for member in tar:
            stream = tar.extractfile(member) if member.name.endswith(".bin") else None
            if stream is not None:
                yield Path(member.name).name, stream.read()


def _read(content: Callable[[str], bytes], place: str, records: int) -> tuple[Images, Images]:
    def images(names: tuple[str, ...]) -> Images:
        parts = [_decode(content(name), f"{place}/{name}", records) for name in names]
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    return images(TRAIN_FILES), images(TEST_FILES)


def _decode(content: bytes, place: str, records: int) -> Images:
    expected = records * _RECORD_BYTES
    if len(content) != expected:
        raise NasError(f"a CIFAR-10 batch must have {expected} bytes; got {len(content)} ({place}). Download it again.")
    table = np.frombuffer(content, np.uint8).reshape(records, _RECORD_BYTES)
    labels = table[:, 0].astype(np.int64)
    if labels.max() > 9:
        row = int(labels.argmax())
        raise NasError(
            f"a CIFAR-10 label must be in 0..9; got {labels[row]} (record {row} of {place}). Download it again."
        )
    return table[:, 1:].reshape(-1, *_SHAPE), labels
