"""Networks of one architecture and many masks trained as one program, against one at a time, by the whole loop."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from experiments.benchmarks.table import Table
from nas.candidates import Candidate
from nas.realize import realize
from nas.tasks import Task, load_task
from nas.training import Recipe, train
from nas.training.stacked import train_stacked
from predictors import multiply_adds
from pruning import Sparsity
from search_spaces import SPACES

Values = Mapping[str, str | int | float]

SIZES = (4, 16, 64)
REPEATS = 5
RECIPE = Recipe(epochs=1, batch_size=32, learning_rate=0.1, precision="float32")
ARCHITECTURES: Mapping[str, tuple[str, Values]] = {
    "mlp 64-64": ("mlp", {"layers": 2, "norm": "batch", "layer1.width": 64, "layer2.width": 64}),
    "mlp 256-128": ("mlp", {"layers": 2, "norm": "batch", "layer1.width": 256, "layer2.width": 128}),
    "mlp 512-256": ("mlp", {"layers": 2, "norm": "batch", "layer1.width": 512, "layer2.width": 256}),
    "graph_mlp 16x8": ("graph_mlp", {"nodes": 16, "units": 8}),
    "convnet 16-32": ("convnet", {"stages": 2, "stage1.width": 16, "stage2.width": 32}),
    "convnet 32-64": ("convnet", {"stages": 2, "stage1.width": 32, "stage2.width": 64}),
}


def stacked(
    folder: Path,
    say: Callable[[str], None],
    names: Sequence[str] = tuple(ARCHITECTURES),
    sizes: Sequence[int] = SIZES,
    repeats: int = REPEATS,
) -> Table:
    """Return one row an architecture and number of networks: epochs of a network a second, together and one at a time.

    An epoch of digits, random masks of density 0.3, each network with its own mask, seed and order; measured in turns,
    by the processor's clock (the wall's on a GPU), so on one thread. Networks beyond `CPU_MULTIPLY_ADDS` are measured
    too, though a search trains them one by one.
    """
    task = load_task("digits")
    rows = []
    for name in names:
        for size in sizes:
            rows.append(_measured(name, size, task, repeats))
            say(f"{name}, {size} networks: {rows[-1]['ratio']:.2f} times one at a time")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Table(
        "stacked",
        f"digits, 1 epoch of batches of {RECIPE.batch_size}, SGD, float32, density 0.3, {device}, "
        f"{torch.get_num_threads()} threads; medians of {repeats}",
        rows,
    )


def _measured(name: str, size: int, task: Task, repeats: int) -> dict[str, Any]:
    space, values = ARCHITECTURES[name]
    genes = {choice.name: choice.values[0] for choice in SPACES[space].choices} | dict(values)
    made = SPACES[space].canonical(SPACES[space].encode(genes))
    wanted = [Candidate(made, Sparsity("random", 0.3), seed) for seed in range(size)]
    device = "cuda" if torch.cuda.is_available() else "cpu"
    now = time.perf_counter if device == "cuda" else time.process_time

    def seconds(train_all: Callable[[Sequence[Candidate]], object], some: Sequence[Candidate]) -> float:
        start = now()
        train_all(some)
        return (now() - start) / len(some)

    def together(some: Sequence[Candidate]) -> object:
        modules, masks = zip(*(realize(candidate, task) for candidate in some), strict=True)
        return train_stacked(modules, masks, task, RECIPE, seeds=[one.seed for one in some], device=device)

    def alone(some: Sequence[Candidate]) -> object:
        return [train(*realize(one, task), task, RECIPE, seed=one.seed, device=device) for one in some]

    pairs = [(seconds(together, wanted), seconds(alone, wanted[:4])) for _ in range(repeats + 1)][1:]
    module, masks = realize(wanted[0], task)
    return {
        "architecture": name,
        "weights": masks.total,
        "dense_multiply_adds": multiply_adds(module, task.signature.input_shape),
        "networks": size,
        "epochs_per_second": 1 / statistics.median(first for first, _ in pairs),
        "one_at_a_time": 1 / statistics.median(second for _, second in pairs),
        "ratio": statistics.median(second / first for first, second in pairs),
    }
