"""`sparsenas prune`: masks for a network of the literature or for a candidate, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from experiments.commands.flags import CandidateFile, Data, Gain, Init, Isometry, Json, Network, TaskName

_LAYERS, _WEIGHTS = "Which layers, how much of each", "Initial weights"


def prune(
    network: Network = None,
    candidate: CandidateFile = None,
    method: Annotated[
        str | None,
        typer.Option(help="How weights are chosen: random, magnitude, snip, grasp, synflow, phew, npb, ntt, ..."),
    ] = None,
    density: Annotated[float | None, typer.Option(help="Fraction of the weights to keep, in (0, 1].")] = None,
    rounds: Annotated[int | None, typer.Option(help="How often the method scores what is left; 1 by default.")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of method ntt, which trains; 2,000 by default.")] = None,
    schedule: Annotated[
        str | None, typer.Option(help="How the count falls from round to round: exponential (default) or linear.")
    ] = None,
    bernoulli: Annotated[
        bool, typer.Option("--bernoulli", help="Throw dice for each weight of a random mask; counts right on average.")
    ] = False,
    allow_empty: Annotated[
        bool, typer.Option("--allow-empty", help="Let a ranking leave layers without any weight (with a warning).")
    ] = False,
    allocation: Annotated[
        str | None,
        typer.Option(
            help="What decides each layer's count: global (one ranking, default), erk, er, uniform, uniform_plus, "
            "balanced, pyramidal, igq.",
            rich_help_panel=_LAYERS,
        ),
    ] = None,
    layer_density: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GLOB=DENSITY",
            rich_help_panel=_LAYERS,
            help="Density of each layer a glob matches, such as 'stage1_*=0.5'; repeatable. Others share the rest.",
        ),
    ] = None,
    multiplier: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GLOB=FACTOR",
            rich_help_panel=_LAYERS,
            help="Factor on the counts of layers a glob matches, such as 'stage1_*=2'; repeatable. The total stays.",
        ),
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Take the layer densities of this mask file.", rich_help_panel=_LAYERS),
    ] = None,
    include: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Prune only parameters that match; repeatable.", rich_help_panel=_LAYERS),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GLOB",
            help="Leave these dense and outside the density; repeatable.",
            rich_help_panel=_LAYERS,
        ),
    ] = None,
    ends: Annotated[
        str | None,
        typer.Option(
            help="First and last layer: pruned (default), first_dense, last_dense, all_dense (as if excluded).",
            rich_help_panel=_LAYERS,
        ),
    ] = None,
    init: Init = None,
    gain: Gain = None,
    isometry: Isometry = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also write the initial weights (of ntt: those it found), masked: safetensors.",
            rich_help_panel=_WEIGHTS,
        ),
    ] = None,
    task: TaskName = None,
    seed: Annotated[int, typer.Option(help="Of initial weights and random masks.")] = 0,
    data: Data = None,
    out: Annotated[Path | None, typer.Option(help="Mask file to write, safetensors.")] = None,
    json: Json = False,
) -> None:
    """Choose which weights of a network to keep, at its initialisation; a candidate brings its own pattern."""
    from dataclasses import replace

    from experiments.errors import ExperimentError
    from experiments.layers import layer_rows
    from experiments.masking import by_layer, masks_of, sparsity_of
    from experiments.networks import find_subject, notes
    from experiments.output import Output
    from experiments.terminal.layer_table import layer_table
    from experiments.transferring import NTT, check, transferred
    from experiments.weights import Weights, save_weights
    from pruning import PruningError, save_masks
    from pruning.diagnostics import connectivity

    output = Output(json)
    given = {
        "method": method, "density": density, "allocation": allocation, "rounds": rounds, "schedule": schedule,
        "include": tuple(include or ()), "exclude": tuple(exclude or ()), "ends": ends,
        "densities": by_layer(layer_density or (), "--layer-density", "density"),
        "multipliers": by_layer(multiplier or (), "--multiplier", "factor"),
        "allow_empty": allow_empty, "sampling": "bernoulli" if bernoulli else None,
    }  # fmt: skip
    if method == NTT:
        check({**given, "isometry": isometry})
        given["method"] = "magnitude"
    elif steps is not None:
        raise ExperimentError("--steps must come with --method ntt, which alone trains. Leave it out.")
    start = Weights(seed, init, gain, isometry)
    if candidate is None:
        sparsity_of(given, like)  # refuse a bad value before anything is built
    subject = find_subject(network, candidate, task, data, seed=seed)
    own = subject.candidate
    sparsity = sparsity_of(given, like, own.sparsity if own else None)
    start = replace(start, seed=own.seed) if own else start
    start.draw_(subject.module)
    if method == NTT:
        found = transferred(subject, sparsity, start.seed, steps)
        masks = found.masks
        found.load_(subject.module)
    else:
        masks = masks_of(subject, sparsity, start.seed)
        start.finish_(subject.module, masks)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        save_masks(masks, out, {**notes(subject), **start.notes()})
    if weights is not None:
        save_weights(subject.module, masks, weights)
    try:
        wiring = connectivity(subject.module, masks, subject.signature.input_shape)
    except PruningError:  # a network that cannot be traced can be pruned all the same
        wiring = None
    rows = layer_rows(masks, wiring)
    output.results.print(
        layer_table(f"{subject.name}, {masks.metadata['method']} at {sparsity.density:g}", rows, output.results.width)
    )
    for what, file in (("masks", out), ("weights", weights)):
        if file is not None:
            output.results.print(f"{what} written to {file}", soft_wrap=True, markup=False)
    output.emit(
        {
            "network": subject.name,
            "method": masks.metadata["method"],
            "allocation": sparsity.allocation,
            "rounds": sparsity.rounds,
            "requested": sparsity.density,
            "density": masks.density,
            "effective_density": None if wiring is None else wiring.effective_density,
            "kept": masks.kept,
            "total": masks.total,
            "layers": masks.layer_densities(),
            "empty_layers": masks.empty_layers(),
            "sparsity": sparsity.settings(),
            "out": out,
            "weights": weights,
        }
    )
