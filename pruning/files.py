"""Mask files: safetensors, one bool tensor per pruned parameter under its name. Data, never code."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from pruning.errors import PruningError
from pruning.masks import MaskSet

_ORDER = "order"
"""Metadata key of the layer order, which the format itself does not keep."""


def save_masks(masks: MaskSet, path: Path | str, metadata: Mapping[str, str] | None = None) -> None:
    """Write the masks, whole or not at all: a reader never sees half a file.

    Args:
        masks: what to write; its own metadata are written too.
        path: the file; its folder must exist.
        metadata: more text to keep with the masks (such as an architecture's digest); wins over equal keys.

    Raises:
        PruningError: metadata are not text, or the file cannot be written.
    """
    from safetensors.torch import save

    notes = {**masks.metadata, **(metadata or {})}
    for key, value in notes.items():
        if not isinstance(key, str) or not isinstance(value, str) or key == _ORDER:
            raise PruningError(
                f"mask metadata must be text under any key but '{_ORDER}'; got {key!r}: {value!r}. "
                f"Write numbers as text."
            )
    data = _settled(save(dict(masks), metadata={**notes, _ORDER: json.dumps(list(masks))}))
    try:
        _write_whole(Path(path), data)
    except OSError as error:
        raise PruningError(
            f"a mask file must be writable; got '{error.strerror}' ({path}). Choose another path."
        ) from error


def load_masks(path: Path | str) -> MaskSet:
    """Return the masks of a file, with its metadata and in the order they were saved.

    Files of others are fine: any safetensors file that holds only bool tensors. Compare it with a network by
    `check_masks`.

    Raises:
        PruningError: the file is missing, unreadable, truncated or not safetensors; it holds no tensor, one that
            is not bool or one with bytes other than 0 and 1; or its recorded order names other tensors.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with Path(path).open("rb"):  # a clearer reason than the reader's own
            pass
        with safe_open(str(path), framework="pt", device="cpu") as file:
            metadata = dict(file.metadata() or {})
            masks = {name: _bool_tensor(file.get_tensor(name), name, path) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise PruningError(
            f"a mask file must be readable; got '{error.strerror or error}' ({path}). Check the path."
        ) from error
    except SafetensorError as error:
        raise PruningError(
            f"a mask file must be whole and in the safetensors format; got '{error}' ({path}). Write it again."
        ) from error
    if not masks:
        raise PruningError(f"a mask file must hold at least one mask; got none ({path}). Write it again.")
    order = _order(metadata.pop(_ORDER, None), masks, path)
    return MaskSet({name: masks[name] for name in order}, metadata)


def _bool_tensor(tensor: Tensor, name: str, path: Path | str) -> Tensor:
    if tensor.dtype != torch.bool:
        raise PruningError(
            f"a mask file must hold bool tensors; got {tensor.dtype} ('{name}' in {path}). "
            f"Is it a file of weights instead of masks?"
        )
    if bool((tensor.view(torch.uint8) > 1).any()):
        raise PruningError(
            f"a mask's bytes must be 0 or 1; got others ('{name}' in {path}). The file is damaged; write it again."
        )
    return tensor


def _order(recorded: str | None, masks: Mapping[str, Tensor], path: Path | str) -> list[str]:
    if recorded is None:
        return list(masks)
    try:
        order = json.loads(recorded)
    except json.JSONDecodeError:
        order = None
    if not isinstance(order, list) or sorted(map(str, order)) != sorted(masks):
        raise PruningError(
            f"a mask file's recorded order must name its tensors; got {recorded[:80]} ({path}). Write it again."
        )
    return order


def _settled(data: bytes) -> bytes:
    """Return the file with its header's keys in order: the writer shuffles them, and equal masks are equal files."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data[end:]


def _write_whole(path: Path, data: bytes) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")  # made with the permissions the user's umask gives
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
