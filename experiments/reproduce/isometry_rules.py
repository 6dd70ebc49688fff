"""The published rule of approximate isometry beside ours: penalty reached, steps that made it worse, seconds."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from torch import Tensor, nn

from experiments.benchmarks.table import Table
from experiments.reproduce.signal_propagation import DENSITY, JACOBIAN_IMAGES, SNIP_IMAGES, perceptron
from nas.seeds import stream
from nas.tasks import load_task
from pruning import Evidence, Sparsity, prune
from pruning.diagnostics import jacobian_spectrum
from pruning.initialization.orthogonal import orthogonal_
from pruning.isometry import Descent, approximate_isometry_, published_isometry_, scaled_isometry_

DEPTH = 7
PUBLISHED_STEPS = 2_000

Rule = Callable[[nn.Module, Mapping[str, Tensor]], dict[str, Descent]]

RULES: dict[str, Rule] = {
    "scaled_isometry": scaled_isometry_,
    "approximate_isometry": approximate_isometry_,
    "published_isometry": partial(published_isometry_, steps=PUBLISHED_STEPS),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One rule on one pruned network: summed squared penalties, layer-steps and how many went up, seconds."""

    rule: str
    seed: int
    before: float
    after: float
    layer_steps: int
    increases: int
    seconds: float
    jsv_mean: float
    condition: float


def isometry_rules(folder: Path, say: Callable[[str], None], seeds: Sequence[int] = range(3)) -> Table:
    """Return each rule's row for each seed: a linear orthogonal network of 7 layers after SNIP, on MNIST.

    Source: Lee, Ajanthan, Gould and Torr, ICLR 2020, arXiv 1906.06307, section 4; fixed steps of 0.1. Here 2,000
    of them; the released settings have 10,000.
    """
    data = os.environ.get("SPARSENAS_DATA")
    task = load_task("mnist", Path(data) if data else None)
    rows = []
    for seed in seeds:
        module = perceptron(task, DEPTH, nn.Identity)
        orthogonal_(module, stream(seed, "init"))
        inputs, targets = task.evidence(SNIP_IMAGES, stream(seed, "evidence"))
        evidence = Evidence(tuple(inputs.shape[1:]), stream(seed, "mask"), inputs, targets)
        masks = prune(module, Sparsity("snip", DENSITY), evidence)
        images = task.evidence(JACOBIAN_IMAGES, stream(seed, "jacobian"))[0]
        for name, rule in RULES.items():
            network = copy.deepcopy(module)
            start = time.perf_counter()
            reports = rule(network, masks).values()
            seconds = time.perf_counter() - start
            found = jacobian_spectrum(network, images, masks).summary
            rows.append(
                Row(
                    rule=name,
                    seed=seed,
                    before=sum(report.before for report in reports),
                    after=sum(report.after for report in reports),
                    layer_steps=sum(len(report.penalties) - 1 for report in reports),
                    increases=sum(report.increases for report in reports),
                    seconds=seconds,
                    jsv_mean=found.mean,
                    condition=found.condition,
                )
            )
            say(f"seed {seed}, {name}: penalty {rows[-1].before:.3g} to {rows[-1].after:.3g} in {seconds:.1f} s")
    return Table(
        "isometry_rules",
        f"linear MLP of {DEPTH} layers, orthogonal, SNIP at density {DENSITY} on MNIST; {len(seeds)} seeds; one thread",
        [asdict(row) for row in rows],
    )
