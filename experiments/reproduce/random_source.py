"""Random masks as the source of sparse training: what confinement to them costs, by the source's density."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from experiments.benchmarks.table import Table
from experiments.report.figures.canvas import render
from experiments.reproduce.comparison import compared
from experiments.reproduce.mnist import everything
from experiments.reproduce.random_source_searches import SEARCHES, SETTINGS, Setting
from experiments.reproduce.resumed import Rows, resumed
from nas.seeds import stream
from nas.tasks import Task
from pruning import Evidence, MaskSet, Sparsity, prune

ALLOCATIONS = ("balanced", "pyramidal", "erk")


def random_source(folder: Path, say: Callable[[str], None], seeds: Sequence[int] = range(5)) -> Table:
    """Return test accuracies of LRR, RigL and edge-popup confined to random masks, all at one final density.

    The finding: a random source of moderate density costs nothing against a dense one, whatever searches in it; a
    very sparse one does. The source's layers are balanced, pyramidal or ERK. Only what may be kept differs between the
    sources of one allocation: the start of RigL, the layer counts of RigL and edge-popup (those of the allocation at
    the final density) and the number of epochs are the same, sources are nested, and all is paired by seed.

    Source: Gadhikar, Mukherjee and Burkholz, ICML 2023, arXiv 2210.02412, section 5.
    Differs from the paper: small networks, few epochs; regrowth stays inside the source, which the released code's
    does not; edge-popup's masks are binary, which the released code's are not inside a source.
    """
    from experiments.reproduce.random_source_figure import draw

    parts = [f"{name}, seed {seed}, {method}" for seed, name, method in product(seeds, SETTINGS, SEARCHES)]

    def measure(part: str) -> Rows:
        name, seed, method = part.split(", ")
        setting = SETTINGS[name]
        return list(rows_of(setting, int(seed.removeprefix("seed ")), method, setting.images()))

    rows = list(resumed(folder / "random_source.jsonl", parts, measure, say))
    summary = summarised(rows)
    (folder / "random_source.png").write_bytes(render(lambda: draw(rows), "png"))
    said = "; ".join(
        f"{name}: {s.protocol}, final density {s.final:g}, {s.epochs} epochs" for name, s in SETTINGS.items()
    )
    return Table("random_source", f"{len(seeds)} seeds; {said} (LRR: one a level)", rows, summary)


def summarised(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return means and the differences of each source from the dense one, by task, method and allocation."""
    contrasts = [(source, "dense") for source in dict.fromkeys(row["source"] for row in rows) if source != "dense"]
    found: dict[str, Any] = {"means": [], "differences": []}
    for task, method in dict.fromkeys((row["task"], row["method"]) for row in rows):
        mine = [row for row in rows if (row["task"], row["method"]) == (task, method)]
        for name, entries in compared(mine, ("task", "method", "allocation"), "source", contrasts).items():
            found[name] += entries
    return found


def rows_of(setting: Setting, seed: int, method: str, task: Task) -> Iterator[dict[str, Any]]:
    """Yield a row for each source: what the method reaches inside it, at the final density."""
    for density, allocation in product(setting.sources, ALLOCATIONS):
        if method == "lrr" and density == 1 and allocation != ALLOCATIONS[0]:
            continue  # it ranks across layers: from a dense source there is one way
        initialization = "signed_constant" if method == "edge-popup" else "he"
        module = setting.network(seed, initialization)

        def drawn(share: float, allocation: str = allocation) -> MaskSet:
            """One state of the generator for all densities: the sparser mask lies within the denser one."""
            evidence = Evidence(task.signature.input_shape, stream(seed, f"source {allocation}"))
            return prune(module, Sparsity("random", share, allocation=allocation), evidence)  # noqa: B023

        source = drawn(density) if density < 1 else everything(module)
        masks, accuracy = SEARCHES[method](module, source, drawn(setting.final), setting, seed, task)
        yield {
            "task": setting.name,
            "method": method,
            "allocation": "" if method == "lrr" and density == 1 else allocation,
            "source": f"{density:g}" if density < 1 else "dense",
            "seed": seed,
            "source_density": density,
            "kept": masks.kept,
            "outside": sum(int((masks[name] & ~source[name]).count_nonzero()) for name in masks),
            "accuracy": accuracy,
        }
