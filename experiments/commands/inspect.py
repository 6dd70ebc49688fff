"""`sparsenas inspect`: what a mask file leaves of a network, as a whole and layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.commands.flags import CandidateFile, Data, Gain, Init, Isometry, Json, Network, TaskName

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from torch import Tensor

    from experiments.layers import LayerRow
    from experiments.networks import Subject
    from pruning import MaskSet
    from pruning.diagnostics import Diagnosis


def inspect(
    masks_file: Annotated[Path, typer.Argument(metavar="FILE.safetensors", help="A mask file.")],
    network: Network = None,
    candidate: CandidateFile = None,
    task: TaskName = None,
    data: Data = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel="Initial weights",
            help="Look at these weights (a state as safetensors) instead of initial ones.",
        ),
    ] = None,
    init: Init = None,
    gain: Gain = None,
    isometry: Isometry = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Of the initial weights; else what the mask file says.", rich_help_panel="Initial weights"),
    ] = None,
    samples: Annotated[int, typer.Option(min=0, help="Inputs at which to take the Jacobian; 0 leaves it out.")] = 4,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Picture to write, PNG.")] = None,
    json: Json = False,
) -> None:
    """Show what a mask leaves: effective weights, dead units, paths, path kernel, Jacobian, isometry, multiply-adds.

    Paths, Jacobian and isometry are those of the initial weights, which are drawn again as the mask file records:
    from its seed, or as --init, --gain, --isometry and --seed say. A figure that cannot exist is a dash with its
    reason.
    """
    from experiments.layers import layer_rows
    from experiments.networks import checked_masks, find_subject, read_masks
    from experiments.output import Output
    from experiments.terminal.diagnosis_table import diagnosis_table, in_words
    from experiments.terminal.layer_table import layer_table
    from experiments.weights import chosen
    from pruning.diagnostics import diagnose

    output = Output(json)
    read = read_masks(masks_file)
    start = chosen(read, seed, init, gain, isometry)
    subject = find_subject(network, candidate, task, data, seed=start.seed, masks=read)
    masks = checked_masks(subject, read, masks_file)
    start.settle_(subject.module, masks, weights)
    inputs, words = _inputs(subject, samples, start.seed)
    with output.progress.status("diagnosing") as status:
        found = diagnose(
            subject.module,
            masks,
            subject.signature.input_shape,
            inputs,
            gain=start.settings().get("gain", 1.0),
            say=lambda name: status.update(f"{name} ..."),
        )
    rows = layer_rows(masks, found.connectivity, found.isometry)
    title = f"{masks_file.name} on {subject.name}"
    output.results.print(layer_table(title, rows, output.results.width, with_isometry=True))
    output.results.print(diagnosis_table("the whole network", found, words))
    if plot is not None:
        _plot(rows, f"{title}: {in_words(found)}", found.gain, plot)
        output.results.print(f"plot written to {plot}", soft_wrap=True, markup=False)
    output.emit({"network": subject.name, **_told(masks, found, rows, words), "plot": plot})


def _inputs(subject: Subject, samples: int, seed: int) -> tuple[Tensor | None, str]:
    """Return the inputs of the Jacobian, and what they are in words."""
    import torch

    from nas.seeds import stream

    if samples == 0:
        return None, "no inputs (--samples 0)"
    generator = stream(seed, "inspect")
    if subject.task is not None:
        return subject.task.evidence(samples, generator)[0], f"{samples} training images of {subject.task.name}"
    inputs = torch.randn(samples, *subject.signature.input_shape, generator=generator)
    return inputs, f"{samples} random inputs, N(0, 1); --task takes images"


def _told(masks: MaskSet, found: Diagnosis, rows: Sequence[LayerRow], words: str) -> dict[str, Any]:
    """Return everything as JSON-able data; a figure that does not exist is null, with its reason in "absent"."""
    from dataclasses import asdict

    wiring, jacobian = found.connectivity, found.jacobian
    return {
        "requested": found.requested,
        "density": masks.density,
        "effective_density": None if wiring is None else wiring.effective_density,
        "kept": masks.kept,
        "total": masks.total,
        "effective": None if wiring is None else wiring.effective,
        "dead_units": None if wiring is None else sum(layer.dead_outputs for layer in wiring.layers),
        "log10_paths": None if wiring is None else wiring.log10_paths,
        "log10_path_kernel_trace": None if wiring is None else wiring.log10_kernel_trace,
        "untraced": None if wiring is None else wiring.untraced,
        "multiply_adds": None if wiring is None else sum(layer.multiply_adds for layer in wiring.layers),
        "dense_multiply_adds": None if wiring is None else sum(layer.dense_multiply_adds for layer in wiring.layers),
        "gain": found.gain,
        "jacobian": None if jacobian is None else {**asdict(jacobian.summary), "inputs": words},
        "absent": found.absent,
        "layers": [asdict(row) for row in rows],
        "metadata": dict(masks.metadata),
    }


def _plot(rows: Sequence[LayerRow], title: str, gain: float, plot: Path) -> None:
    from experiments.report.figures.canvas import render
    from experiments.report.figures.diagnosis import diagnosis

    plot.parent.mkdir(parents=True, exist_ok=True)
    plot.write_bytes(render(lambda: diagnosis(rows, title, gain), "png"))
