"""ONNX files of networks, checked in onnxruntime before they are kept."""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pruning.compaction.outputs import answers, departure
from pruning.errors import PruningError
from pruning.twin import private_copy

TOLERANCE = 1e-4
_NEEDS = ("onnx", "onnxscript", "onnxruntime")
_BATCHES = (2, 5)
"""Sizes the file is checked at; it is traced at the first one and must run on any."""


@dataclass(frozen=True, slots=True)
class Exported:
    """An ONNX file: its size, and the largest difference of its outputs, relative to the largest output or 1."""

    path: Path
    bytes: int
    departure: float


def export_onnx(module: nn.Module, input_shape: Sequence[int], path: Path | str) -> Exported:
    """Write the network in eval mode as one ONNX file with a free batch size, and compare it in onnxruntime.

    Masked weights should be zero (`hold_`, or a compacted module): ONNX stores them as zeros, for its runtimes have
    no sparse kernels; compacting first is what makes the file smaller.

    Args:
        module: a network of plain layers on any device (no CSR layers); untouched bit for bit.
        input_shape: of one sample, without the batch axis.
        path: the file; its folder is made if need be. On failure nothing is left there.

    Raises:
        PruningError: a package is missing, the network cannot be exported, or onnxruntime's outputs are not the
            network's to 1e-4.
    """
    for package in _NEEDS:
        _needed(package)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    network = private_copy(module).cpu().eval()
    generator = torch.Generator().manual_seed(0)
    batches = [torch.randn(size, *input_shape, generator=generator) for size in _BATCHES]
    partial = path.with_name(f".{path.name}.partial")
    try:
        with _quiet():
            _write(network, batches[0], partial)
        apart = max(departure(_run(partial, batch), answers(network, batch)) for batch in batches)
        if not apart <= TOLERANCE:
            raise PruningError(
                f"an ONNX file's outputs must be the network's to {TOLERANCE:g}; got a difference of {apart:.3g} "
                f"({path}). The file was not kept."
            )
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return Exported(path, path.stat().st_size, apart)


def _write(network: nn.Module, sample: Tensor, path: Path) -> None:
    try:
        torch.onnx.export(
            network,
            (sample,),
            str(path),
            dynamo=True,
            external_data=False,
            verbose=False,
            input_names=["input"],
            output_names=["output"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
        )
    except Exception as error:  # the exporter's errors have no common class
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise PruningError(
            f"a network must be of operations that ONNX knows; got {type(error).__name__}: {reason[:160]} "
            f"({type(network).__name__}). Export it without CSR layers, or keep it as safetensors."
        ) from error


def _run(path: Path, batch: Tensor) -> list[Tensor]:
    runtime: Any = _needed("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    found = session.run(None, {session.get_inputs()[0].name: batch.numpy()})
    return [torch.from_numpy(value) for value in found]


def _needed(package: str) -> Any:
    """Return a package that only export needs.

    Raises:
        PruningError: it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError:
        raise PruningError(
            f"ONNX export must find the packages {', '.join(_NEEDS)}; got no '{package}'. "
            f"Install them: pip install 'sparsenas[export]'."
        ) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back the exporter's warnings and log lines, which tell of its own inside."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
