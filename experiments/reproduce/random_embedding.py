"""A dense network inside a random masked wider one: how often it fits, against the formula, by width."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import nn

from experiments.benchmarks.table import Table
from experiments.report.figures.canvas import render
from experiments.reproduce.resumed import Rows, resumed
from nas.seeds import stream
from pruning import Evidence, MaskSet, Sparsity, hold_, prune
from pruning.embedding import copied_inputs, embed_, embedding_probability
from pruning.width import first_width, guaranteed_copies, success_probability

TARGET = (6, 10, 3)
DENSITIES = (0.7, 0.5, 0.3, 0.2, 0.1)
SHARES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2)
"""Of the copies that the formula asks for."""
FAILURE = 0.1
TRIALS = 200


def random_embedding(folder: Path, say: Callable[[str], None], trials: int = TRIALS) -> Table:
    """Return how many random masked networks hold a dense 6-10-3 ReLU network exactly, by density and width.

    The finding: a random network of density p holds any target if it is wider by a factor of order
    1 / ln(1 / (1 - p)) times the logarithm of the number of weights over the probability of failure. Each trial draws
    weights, masks (Bernoulli) and, if the target fits, compares outputs.

    Source: Gadhikar, Mukherjee and Burkholz, ICML 2023, arXiv 2210.02412, section 3.
    Differs from the paper: measured; it proves.
    """
    from experiments.reproduce.random_embedding_figure import draw

    parts = [f"density {density}, share {share}" for density in DENSITIES for share in SHARES]

    def measure(part: str) -> Rows:
        density, share = (float(word.split(" ")[1]) for word in part.split(", "))
        return [row_of(density, share, trials)]

    rows = list(resumed(folder / "random_embedding.jsonl", parts, measure, say))
    (folder / "random_embedding.png").write_bytes(render(lambda: draw(rows), "png"))
    at_one = [row for row in rows if row["share"] == 1.0]
    summary = {
        "success_at_formula": {f"{row['density']:g}": row["successes"] / row["trials"] for row in at_one},
        "largest_difference_in_deviations": max(abs(row["deviations"]) for row in rows),
        "largest_output_error": max(row["largest_error"] for row in rows),
    }
    protocol = f"target {'-'.join(map(str, TARGET))}, {trials} masks a width, failure {FAILURE:g} asked for"
    return Table("random_embedding", protocol, rows, summary)


def row_of(density: float, share: float, trials: int) -> dict[str, Any]:
    """Return what came of all trials at one density and width.

    "predicted" is the mean of the probabilities given each trial's first layer, "formula" that of the copies alone;
    "deviations" is successes minus their expectation, in standard deviations.
    """
    copies = [max(1, math.ceil(share * count)) for count in guaranteed_copies(TARGET, [density] * 3, FAILURE)]
    widths = [first_width(TARGET[0], copies[0], density), TARGET[1] * copies[1]]
    generator = stream(0, f"embedding {density} {share}")
    found = list(_trials(widths, density, trials, generator))
    chances = [chance for chance, _ in found]
    errors = [error for _, error in found if error is not None]
    spread = math.sqrt(sum(chance * (1 - chance) for chance in chances))
    return {
        "density": density,
        "share": share,
        "copies_of_inputs": copies[0],
        "copies_of_hidden": copies[1],
        "widths": "-".join(map(str, widths)),
        "trials": trials,
        "successes": len(errors),
        "predicted": sum(chances) / trials,
        "formula": formula(copies, density),
        "deviations": (len(errors) - sum(chances)) / spread if spread > 1e-9 else 0.0,
        "largest_error": max(errors, default=0.0),
    }


def formula(copies: Sequence[int], density: float) -> float:
    """Return the probability that no weight of either layer of the target lacks an edge, all counts as asked for."""
    first = success_probability(density, copies[0], copies[1] * TARGET[0] * TARGET[1])
    return first * success_probability(density, copies[1], TARGET[1] * TARGET[2])


def _trials(
    widths: Sequence[int], density: float, trials: int, generator: torch.Generator
) -> Iterator[tuple[float, float | None]]:
    """Yield, for each mask, its chance given its first layer, and the largest error of outputs if the target fits."""
    sparsity = Sparsity("random", density, sampling="bernoulli", allow_empty=True)
    for _ in range(trials):
        target, source = _mlp(TARGET, generator), _mlp((TARGET[0], *widths, TARGET[-1]), generator)
        masks = prune(source, sparsity, Evidence((TARGET[0],), generator))
        weights = [layer.weight.detach() for layer in target if isinstance(layer, nn.Linear)]
        chance = embedding_probability(weights, copied_inputs(masks["0.weight"]), widths, [density] * 2)
        yield chance, _error(source, masks, target, generator) if embed_(source, masks, target) else None


@torch.no_grad()
def _error(source: nn.Module, masks: MaskSet, target: nn.Module, generator: torch.Generator) -> float:
    hold = hold_(source, masks)
    inputs = torch.rand(64, TARGET[0], generator=generator, dtype=torch.float64) * 2 - 1
    error = float((source(inputs) - target(inputs)).abs().max())
    hold.release()
    return error


@torch.no_grad()
def _mlp(sizes: Sequence[int], generator: torch.Generator) -> nn.Sequential:
    parts: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layer = nn.Linear(inputs, outputs, device="meta").to_empty(device="cpu").double()
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
        parts += [layer, nn.ReLU()]
    return nn.Sequential(*parts[:-1])
