"""Random masks as the source of sparse training: what confinement to them costs, by the source's density."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from experiments.benchmarks.table import Table
from experiments.reproduce.comparison import compared
from experiments.reproduce.comparison_figure import write_figure
from experiments.reproduce.mnist import batches, everything, lenet, mnist_images, trained
from experiments.reproduce.resumed import Rows, resumed
from nas.seeds import stream
from nas.tasks import Task
from nas.training import Recipe, evaluate
from nas.training.schedule import rate_share
from pruning import Evidence, MaskSet, Sparsity, prune
from pruning.dynamic import EdgePopup, RigL, iterative_pruning, random_within

FINAL = 0.05
SOURCES = (1.0, 0.5, 0.2, 0.1)
ALLOCATIONS = ("balanced", "pyramidal", "erk")
EPOCHS = 3
KEEP = 0.45
"""Share of the weights that a level of LRR keeps: from dense to the final density in five trainings."""
LEVEL = Recipe(epochs=1, batch_size=256, weight_decay=0.0, precision="float32")
"""Training of one level of LRR; the others have its batches, rates and schedule over all their epochs."""


def random_source(folder: Path, say: Callable[[str], None], seeds: Sequence[int] = range(5)) -> Table:
    """Return test accuracies of LRR, RigL and edge-popup confined to random masks, all at one final density.

    The finding: a random source of moderate density costs nothing against a dense one, whatever searches in it; a
    very sparse one does. The source's layers are balanced, pyramidal or ERK; each is compared with the dense source,
    paired by seed. LRR trains one epoch a level (more levels from denser sources), the other two in all.

    Source: Gadhikar, Mukherjee and Burkholz, ICML 2023, arXiv 2210.02412, section 5.
    Differs from the paper: LeNet-300-100 on MNIST, few epochs; regrowth stays inside the source, which the released
    code's does not; edge-popup's masks are binary, which the released code's are not inside a source.
    """
    parts = [f"seed {seed}, {method}" for seed in seeds for method in SEARCHES]

    def measure(part: str) -> Rows:
        seed, method = part.removeprefix("seed ").split(", ")
        return list(rows_of(int(seed), method, mnist_images()))

    rows = list(resumed(folder / "random_source.jsonl", parts, measure, say))
    contrasts = [(name, "dense source") for name in dict.fromkeys(row["source"] for row in rows)]
    summary = compared(rows, ("method",), "source", contrasts)
    write_figure(folder / "random_source.png", summary["differences"], "difference in test accuracy")
    protocol = f"LeNet-300-100, MNIST, final density {FINAL:g}, {len(seeds)} seeds, {EPOCHS} epochs (LRR: 1 a level)"
    return Table("random_source", protocol, rows, summary)


def rows_of(
    seed: int, method: str, task: Task, sources: Sequence[float] = SOURCES, recipe: Recipe = LEVEL
) -> Iterator[dict[str, Any]]:
    """Yield a row for each source: what the method reaches inside it, at the final density."""
    for density in sources:
        for allocation in ALLOCATIONS if density < 1 else ALLOCATIONS[:1]:
            module = lenet(seed, initialization="signed_constant" if method == "edge-popup" else "he")
            source = everything(module)
            if density < 1:
                evidence = Evidence(task.signature.input_shape, stream(seed, f"source {density}"))
                source = prune(module, Sparsity("random", density, allocation=allocation), evidence)
            masks, accuracy = SEARCHES[method](module, source, seed, task, recipe)
            yield {
                "method": method,
                "source": f"{allocation} {density:g}" if density < 1 else "dense source",
                "seed": seed,
                "source_density": density,
                "allocation": allocation if density < 1 else "",
                "kept": masks.kept,
                "outside": sum(int((masks[name] & ~source[name]).count_nonzero()) for name in masks),
                "accuracy": accuracy,
            }


def _lrr(module: nn.Module, source: MaskSet, seed: int, task: Task, recipe: Recipe) -> tuple[MaskSet, float]:
    numbers = count()

    def level(network: nn.Module, masks: MaskSet) -> float:
        return trained(network, masks, recipe, seed, f"level {next(numbers)}", task)

    levels = list(iterative_pruning(module, source, level, density=FINAL, generator=stream(seed, "mask"), keep=KEEP))
    return levels[-1].masks, levels[-1].result


def _rigl(module: nn.Module, source: MaskSet, seed: int, task: Task, recipe: Recipe) -> tuple[MaskSet, float]:
    optimizer = _sgd(module.parameters(), recipe)
    steps = _steps(task, recipe)
    sparsity = RigL(
        module,
        random_within(source, FINAL, stream(seed, "mask")),
        optimizer,
        end=3 * steps // 4,
        interval=max(1, min(100, steps // 20)),
        allowed=source,
        generator=stream(seed, "ties"),
    )
    _fit(module, optimizer, seed, task, recipe, sparsity.step)
    return sparsity.masks, evaluate(module, task.test, task)


def _edge_popup(module: nn.Module, source: MaskSet, seed: int, task: Task, recipe: Recipe) -> tuple[MaskSet, float]:
    strong = EdgePopup(module, density=FINAL, allowed=source, generator=stream(seed, "mask"))
    _fit(module, _sgd(strong.parameters(), recipe), seed, task, recipe, lambda: None)
    return strong.masks, evaluate(module, task.test, task)


SEARCHES: dict[str, Callable[[nn.Module, MaskSet, int, Task, Recipe], tuple[MaskSet, float]]] = {
    "lrr": _lrr,
    "rigl": _rigl,
    "edge-popup": _edge_popup,
}
"""Method -> (module, source, seed, task, recipe) -> the masks it ends with inside the source, its test accuracy."""


def _sgd(parameters: Iterable[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, recipe.learning_rate, momentum=recipe.momentum, nesterov=True)


def _steps(task: Task, recipe: Recipe) -> int:
    return EPOCHS * (len(task.train) // recipe.batch_size)


def _fit(
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    seed: int,
    task: Task,
    recipe: Recipe,
    after: Callable[[], object],
) -> None:
    """Train as a loop of one's own would, with one line added to it."""
    following = batches(task, recipe.batch_size, stream(seed, "order"))
    steps = _steps(task, recipe)
    module.train()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * rate_share(step, steps, recipe.warmup, recipe.schedule)
        inputs, targets = following()
        optimizer.zero_grad()
        functional.cross_entropy(module(inputs), targets).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        after()
