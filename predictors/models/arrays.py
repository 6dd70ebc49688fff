"""Fitted arrays as the content of an npz file, without pickle."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt


def pack(**arrays: npt.ArrayLike) -> bytes:
    """Return the arrays, as float64, as the bytes of an npz file."""
    buffer = io.BytesIO()
    floats: dict[str, Any] = {name: np.asarray(array, dtype=np.float64) for name, array in arrays.items()}
    np.savez(buffer, **floats)
    return buffer.getvalue()


def unpack(content: bytes) -> dict[str, npt.NDArray[np.float64]]:
    """Return the arrays of an npz file's bytes by name.

    Raises:
        ValueError, zipfile.BadZipFile: the bytes are not an npz file, or hold Python objects.
    """
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
