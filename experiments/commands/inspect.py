"""`sparsenas inspect`: what a mask file leaves of a network, layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.commands.flags import CandidateFile, Data, Json, Network, TaskName

if TYPE_CHECKING:
    from pruning import MaskSet


def inspect(
    masks_file: Annotated[Path, typer.Argument(metavar="FILE.safetensors", help="A mask file.")],
    network: Network = None,
    candidate: CandidateFile = None,
    task: TaskName = None,
    data: Data = None,
    plot: Annotated[Path | None, typer.Option(help="Picture of the layer densities to write, PNG.")] = None,
    json: Json = False,
) -> None:
    """Show each layer's kept weights, the units that are cut off, and the multiply-adds that remain."""
    from dataclasses import asdict

    from experiments.networks import checked_masks, find_subject, read_masks
    from experiments.output import Output
    from experiments.terminal.layer_table import layer_rows, layer_table

    output = Output(json)
    read = read_masks(masks_file)
    subject = find_subject(network, candidate, task, data, masks=read)
    masks = checked_masks(subject, read, masks_file)
    rows = layer_rows(subject, masks)
    output.results.print(layer_table(f"{masks_file.name} on {subject.name}", rows, output.results.width))
    if plot is not None:
        _plot(masks, plot)
        output.results.print(f"plot written to {plot}", soft_wrap=True, markup=False)
    output.emit(
        {
            "network": subject.name,
            "density": masks.density,
            "kept": masks.kept,
            "total": masks.total,
            "multiply_adds": sum(row.multiply_adds for row in rows),
            "layers": [{**asdict(row), "density": row.kept / row.total} for row in rows],
            "metadata": dict(masks.metadata),
            "plot": plot,
        }
    )


def _plot(masks: MaskSet, plot: Path) -> None:
    from experiments.report.collect import layers_of
    from experiments.report.figures.canvas import render
    from experiments.report.figures.layers import layers

    rows = layers_of(masks)
    plot.parent.mkdir(parents=True, exist_ok=True)
    plot.write_bytes(render(lambda: layers(rows, 1000.0), "png"))
