"""`sparsenas compact`: a masked network made really smaller, with what that brings in bytes and in time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.commands.flags import CandidateFile, Data, Json, Network, TaskName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from nas.compacted import Origin
    from pruning import MaskSet


def compact(
    folder: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="A run's best/ folder: network, masks and trained weights.")
    ] = None,
    network: Network = None,
    candidate: CandidateFile = None,
    masks: Annotated[Path | None, typer.Option(help="Mask file of the network or candidate, safetensors.")] = None,
    weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its weights, a state as safetensors; else initial ones.")
    ] = None,
    task: TaskName = None,
    data: Data = None,
    batch: Annotated[list[int] | None, typer.Option(min=1, help="Batch size to time; repeatable. 1 and 128.")] = None,
    seconds: Annotated[float, typer.Option(min=0.0, help="CPU seconds of timing for each batch size.")] = 2.0,
    out: Annotated[Path | None, typer.Option(help="Folder to write the smaller network to.")] = None,
    onnx: Annotated[Path | None, typer.Option(metavar="FILE.onnx", help="ONNX file to write and check.")] = None,
    json: Json = False,
) -> None:
    """Cut dead units out of a masked network and time it: dense, masked, compacted, and with sparse linear layers.

    The outputs stay the same (checked). Times are medians of interleaved calls on one CPU thread of this machine.
    """
    from dataclasses import asdict

    from experiments.compacting import BATCHES, compare
    from experiments.output import Output
    from experiments.terminal.compact_table import forms_table, verdict, widths_table
    from nas.compacted import save_compacted
    from pruning.compaction import compact as made_smaller
    from pruning.export import export_onnx

    output = Output(json)
    name, module, kept, origin = _subject(folder, network, candidate, masks, weights, task, data)
    shape = origin.signature.input_shape
    small = made_smaller(module, kept, shape)
    with output.progress.status("timing") as status:
        batches = tuple(batch or BATCHES)
        found = compare(
            module, kept, small, shape, batches=batches, seconds=seconds, say=lambda line: status.update(f"{line} ...")
        )
        written = None
        if onnx is not None:
            status.update("ONNX ...")
            written = export_onnx(small.module, shape, onnx)
    if out is not None:
        save_compacted(out, small, origin)
    output.results.print(widths_table(name, module, small))
    output.results.print(forms_table(found, written))
    for line in verdict(found, small):
        output.results.print(line, soft_wrap=True, markup=False)
    for what, file in (("smaller network", out), ("ONNX file, compacted", onnx)):
        if file is not None:
            output.results.print(f"{what} written to {file}", soft_wrap=True, markup=False)
    output.emit(
        {
            "network": name,
            "kept": kept.kept,
            "total": kept.total,
            "kept_after": small.masks.kept,
            "total_after": small.masks.total,
            "folded": small.folded,
            "uneven": small.uneven,
            "connected": small.connected,
            "departure": small.departure,
            "layers": [asdict(width) for width in small.widths],
            "forms": [asdict(form) for form in found.forms],
            "control": found.control,
            "csr_layers": [{**asdict(timing), "ratio": timing.ratio} for timing in found.layers],
            "onnx": None if written is None else asdict(written),
            "out": out,
        }
    )


def _subject(
    folder: Path | None,
    network: str | None,
    candidate: Path | None,
    masks: Path | None,
    weights: Path | None,
    task: str | None,
    data: Path | None,
) -> tuple[str, nn.Module, MaskSet, Origin]:
    """Return name, network with its weights, masks and where it comes from."""
    from experiments.errors import ExperimentError
    from experiments.networks import checked_masks, find_subject, read_masks
    from experiments.weights import chosen
    from nas.best import load_best
    from nas.compacted import Origin

    if folder is not None:
        given: Mapping[str, object] = {
            "--network": network, "--candidate": candidate, "--masks": masks, "--weights": weights, "--task": task,
        }  # fmt: skip
        beside = [flag for flag, value in given.items() if value is not None]
        if beside:
            raise ExperimentError(f"a run's folder must come alone; got {folder} and {beside[0]}. Give one of them.")
        best = load_best(folder)
        scale = best.mean.tolist(), best.std.tolist()
        return str(folder), best.module, best.masks, Origin(best.signature, None, best.candidate, *scale)
    if masks is None:
        raise ExperimentError(
            "a run's best/ folder or --masks must be given; got neither. See `sparsenas prune --out`."
        )
    read = read_masks(masks)
    start = chosen(read, None, None, None, None)
    subject = find_subject(network, candidate, task, data, seed=start.seed, masks=read)
    kept = checked_masks(subject, read, masks)
    start.settle_(subject.module, kept, weights)
    named = None if subject.candidate is not None else subject.name
    return subject.name, subject.module, kept, Origin(subject.signature, named, subject.candidate)
