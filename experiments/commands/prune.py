"""`sparsenas prune`: masks for a network of the literature or for a candidate, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.commands.flags import CandidateFile, Data, Json, Network, TaskName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experiments.networks import Subject
    from pruning import MaskSet, Sparsity


def prune(
    network: Network = None,
    candidate: CandidateFile = None,
    method: Annotated[str | None, typer.Option(help="magnitude, random, snip, synflow, ...")] = None,
    density: Annotated[float | None, typer.Option(help="Fraction of the weights to keep, in (0, 1].")] = None,
    allocation: Annotated[str | None, typer.Option(help="erk, global (default) or uniform.")] = None,
    rounds: Annotated[int | None, typer.Option(help="How often the method scores what is left.")] = None,
    task: TaskName = None,
    seed: Annotated[int, typer.Option(help="Of initial weights and random masks.")] = 0,
    data: Data = None,
    out: Annotated[Path | None, typer.Option(help="Mask file to write, safetensors.")] = None,
    json: Json = False,
) -> None:
    """Choose which weights of a network to keep, at its initialisation; a candidate brings its own pattern."""
    from experiments.networks import find_subject, notes
    from experiments.output import Output
    from experiments.terminal.layer_table import layer_rows, layer_table
    from pruning import save_masks

    output = Output(json)
    given = {"method": method, "density": density, "allocation": allocation, "rounds": rounds}
    chosen = {name: value for name, value in given.items() if value is not None}
    early = None if candidate else _sparsity(chosen)  # refuse a bad value before anything is built
    subject = find_subject(network, candidate, task, data, seed=seed)
    sparsity = early or _sparsity(chosen, subject)
    masks = _masks(subject, sparsity, subject.candidate.seed if subject.candidate else seed)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        said = {"method": sparsity.method, "allocation": sparsity.allocation, "density": repr(sparsity.density)}
        save_masks(masks, out, {**notes(subject), **said, "seed": str(seed)})
    rows = layer_rows(subject, masks)
    output.results.print(
        layer_table(f"{subject.name}, {sparsity.method} at {sparsity.density:g}", rows, output.results.width)
    )
    if out is not None:
        output.results.print(f"masks written to {out}", soft_wrap=True, markup=False)
    output.emit(
        {
            "network": subject.name,
            "method": sparsity.method,
            "allocation": sparsity.allocation,
            "rounds": sparsity.rounds,
            "density": masks.density,
            "kept": masks.kept,
            "total": masks.total,
            "layers": masks.layer_densities(),
            "out": out,
        }
    )


def _sparsity(chosen: Mapping[str, object], subject: Subject | None = None) -> Sparsity:
    from dataclasses import replace

    from experiments.errors import ExperimentError
    from pruning import Sparsity

    if subject is not None and subject.candidate is not None:
        return replace(subject.candidate.sparsity, **chosen)  # type: ignore[arg-type]
    for name in ("method", "density"):
        if name not in chosen:
            raise ExperimentError(f"--{name} must be given with --network; got none. See `sparsenas prune --help`.")
    return Sparsity(**chosen)  # type: ignore[arg-type]


def _masks(subject: Subject, sparsity: Sparsity, seed: int) -> MaskSet:
    from nas.realize import EVIDENCE_IMAGES_PER_CLASS
    from nas.seeds import stream
    from pruning import Evidence
    from pruning import prune as choose

    shape, mask_stream = subject.signature.input_shape, stream(seed, "mask")
    if subject.task is None:
        return choose(subject.module, sparsity, Evidence(shape, mask_stream))
    count = EVIDENCE_IMAGES_PER_CLASS * subject.signature.classes
    inputs, targets = subject.task.evidence(count, stream(seed, "evidence"))
    return choose(subject.module, sparsity, Evidence(shape, mask_stream, inputs, targets))
