"""Orthogonal against scaled random weights: Jacobian singular values before and after pruning, and restored."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn

from experiments.benchmarks.table import Table
from experiments.reproduce.signal_propagation_summary import summarised
from nas.seeds import stream
from nas.tasks import Task, load_task
from pruning import Evidence, MaskSet, Sparsity, prune
from pruning.diagnostics import JacobianSpectrum, jacobian_spectrum, layer_isometry
from pruning.initialization import GAINS, INITIALIZATIONS
from pruning.isometry import approximate_isometry_, scaled_isometry_

DEPTHS = (3, 5, 7)
WIDTH = 100
DENSITY = 0.1
SNIP_IMAGES, JACOBIAN_IMAGES = 128, 64
INITIAL = ("orthogonal", "glorot", "he", "lecun")

ACTIVATIONS: dict[str, tuple[Callable[[], nn.Module], float]] = {
    "linear": (nn.Identity, GAINS["identity"]),
    "tanh": (nn.Tanh, 1.0),
    "relu": (nn.ReLU, GAINS["relu"]),
}
"""Activation -> how to make it, and the gain at which orthogonal layers keep lengths through it (on average)."""

STAGES = ("dense", "snip", "scaled", "isometry")


@dataclass(frozen=True, slots=True)
class Row:
    """One network at one stage.

    Attributes:
        depth, activation, initialization, seed: which network; `depth` counts layers with weights.
        stage: "dense" as initialised; "snip" pruned; "scaled" pruned and each layer multiplied by its best factor;
            "isometry" pruned and brought back by approximate isometry.
        jsv_mean, jsv_spread, jsv_smallest, jsv_largest: of all Jacobian singular values of all images.
        condition: median over the images of s_max / s_min.
        departure: root mean square over the layers of each layer's departure from isometry.
        least_density: of the sparsest layer.
        seconds: what approximate isometry took; 0 at other stages.
    """

    depth: int
    activation: str
    initialization: str
    seed: int
    stage: str
    jsv_mean: float
    jsv_spread: float
    jsv_smallest: float
    jsv_largest: float
    condition: float
    departure: float
    least_density: float
    seconds: float


def signal_propagation(folder: Path, say: Callable[[str], None], seeds: Sequence[int] = range(5)) -> Table:
    """Return every network's figures at every stage, on MNIST (needs the data), and draw them into `folder`.

    Source: Lee, Ajanthan, Gould and Torr, ICLR 2020, arXiv 1906.06307: multi-layer perceptrons of width 100 on
    MNIST, SNIP at 90 % sparsity, Jacobian singular values before and after, and after approximate isometry.
    Differs from the paper: SNIP sees one balanced batch and ranks weights, not biases; ReLU layers are orthogonal
    with gain sqrt(2), without which their signal halves at each layer; 64 images instead of the training set; and
    the stage "scaled" separates what is mere scale from what is shape.
    """
    from experiments.report.figures.canvas import render
    from experiments.reproduce.signal_propagation_figure import draw

    data = os.environ.get("SPARSENAS_DATA")
    task = load_task("mnist", Path(data) if data else None)
    rows = []
    for depth in DEPTHS:
        for activation in ACTIVATIONS:
            for name in INITIAL:
                rows += [row for seed in seeds for row in network_rows(task, depth, activation, name, seed)]
            say(f"{depth} layers, {activation}: {len(seeds)} seeds of {len(INITIAL)} initialisations")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "signal_propagation.png").write_bytes(render(lambda: draw(rows, max(DEPTHS)), "png"))
    return Table(
        "signal_propagation",
        f"MLPs of width {WIDTH} on MNIST; SNIP at density {DENSITY} on {SNIP_IMAGES} images; Jacobians of "
        f"{JACOBIAN_IMAGES} images in float64; {len(seeds)} seeds; one thread",
        [asdict(row) for row in rows],
        summarised(rows),
    )


def network_rows(task: Task, depth: int, activation: str, initialization: str, seed: int) -> Iterator[Row]:
    """Yield one network's row at each of `STAGES`. Images and pruning batch depend on the seed alone."""
    make, gain = ACTIVATIONS[activation]
    module = perceptron(task, depth, make)
    fill_ = INITIALIZATIONS[initialization]
    if initialization == "orthogonal":
        fill_ = partial(fill_, gain=gain)
    fill_(module, stream(seed, "init"))
    images = task.evidence(JACOBIAN_IMAGES, stream(seed, "jacobian"))[0]
    inputs, targets = task.evidence(SNIP_IMAGES, stream(seed, "evidence"))
    evidence = Evidence(tuple(inputs.shape[1:]), stream(seed, "mask"), inputs, targets)
    masks = prune(module, Sparsity("snip", DENSITY), evidence)
    dense = MaskSet({name: torch.ones_like(mask) for name, mask in masks.items()})
    for stage in STAGES:
        network, seconds = copy.deepcopy(module), 0.0
        if stage == "scaled":
            scaled_isometry_(network, masks, gain=gain)
        if stage == "isometry":
            start = time.perf_counter()
            approximate_isometry_(network, masks, gain=gain)
            seconds = time.perf_counter() - start
        present = dense if stage == "dense" else masks
        departures = torch.tensor([layer.departure for layer in layer_isometry(network, present, gain=gain)])
        yield _row(
            (depth, activation, initialization, seed, stage),
            jacobian_spectrum(network, images, present),
            float(departures.square().mean().sqrt()),
            min(present.layer_densities().values()),
            seconds,
        )


def _row(
    key: tuple[int, str, str, int, str], jacobian: JacobianSpectrum, departure: float, density: float, seconds: float
) -> Row:
    found = jacobian.summary
    return Row(
        *key,
        jsv_mean=found.mean,
        jsv_spread=found.spread,
        jsv_smallest=found.smallest,
        jsv_largest=found.largest,
        condition=found.condition,
        departure=departure,
        least_density=density,
        seconds=seconds,
    )


def perceptron(task: Task, depth: int, activation: Callable[[], nn.Module]) -> nn.Sequential:
    """Return flatten, then `depth` linear layers of `WIDTH` with the activation between them; weights undefined."""
    inputs = 1
    for size in task.signature.input_shape:
        inputs *= size
    widths = (inputs, *[WIDTH] * (depth - 1), task.signature.classes)
    layers: list[nn.Module] = [nn.Flatten()]
    for index in range(depth):
        if index > 0:
            layers.append(activation())
        layers.append(nn.Linear(widths[index], widths[index + 1], device="meta"))
    return nn.Sequential(*layers).to_empty(device="cpu")
