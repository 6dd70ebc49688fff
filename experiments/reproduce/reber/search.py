"""`sparsenas reproduce reber-search`: is a graph that evolution chose better than a random one of its size?"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.benchmarks.paired import paired_difference
from experiments.benchmarks.table import Table
from experiments.reproduce.resumed import resumed
from nas.batch_trial import Member, make_batch_runner, train_members
from nas.candidates import from_json
from nas.executors import Resources, Work, population
from nas.genomes import CandidateSpace, SparsityChoices, density_grid
from nas.hypervolume import hypervolume, nondominated
from nas.outcomes import Outcome
from nas.records import Header, open_records
from nas.screen import Screen
from nas.search import Search
from nas.seeds import numpy_stream, stream
from nas.strategies import STRATEGIES
from nas.tasks import Task, load_task
from nas.training import recipe_for
from nas.trial import TrialSettings, make_runner
from pruning import Evidence, Sparsity, prune
from search_spaces.graphs import Graph
from search_spaces.graphs.networks import GraphRNN
from search_spaces.graphs.spaces import GraphRNNs
from search_spaces.initialize import initialize

SEEDS = tuple(range(5))
TRIALS, BATCH, EPOCHS = 48, 16, 2
CHANCE = 0.5
ARMS = ("evolution", "same sizes", "random")
METHODS, DENSITIES = ("random", "magnitude", "synflow"), density_grid(0.1, 1.0)
ONLY: dict[str, tuple[str | int | float, ...]] = {
    "nodes": (12, 16, 20, 24),
    "cell": ("tanh",),
    "wiring": ("recurrent",),
    "inputs": ("all",),
}
"""One cell, so that nothing but graph and mask is searched; inputs everywhere, so that a size is nodes and edges."""
OBJECTIVES = ("val_accuracy", "kept")
SETTINGS = TrialSettings(recipe_for("reber", epochs=EPOCHS))


@dataclass(frozen=True, slots=True)
class Trained:
    """One trained network. `val_accuracy` is NaN if it diverged."""

    arm: str
    seed: int
    number: int
    nodes: int
    edges: int
    method: str
    allocation: str
    density: float
    rounds: int
    kept: int
    val_accuracy: float

    @property
    def sparsity(self) -> Sparsity:
        """How it was pruned."""
        return Sparsity(self.method, self.density, self.allocation, rounds=self.rounds)


def reber_search(folder: Path, say: Callable[[str], None], seeds: Sequence[int] = SEEDS) -> Table:
    """Return each search's hypervolume and best accuracy; the summary holds paired differences with t intervals.

    Three arms a seed, the same number of networks and epochs in each: evolution (NSGA-II, unscreened) on graph_rnn
    with tanh and up to 24 nodes, both objectives; for every network that it trained a uniformly random graph of as many
    nodes and edges, pruned by the same method to the same density; and random search in the same space. Hypervolume is
    the share of the box of validation accuracy above 0.5 and log10 of kept weights that a front dominates; accuracies
    are of the validation strings, in all arms those of which the best is taken. A killed run goes on at its seed.
    """
    from experiments.report.figures.canvas import render
    from experiments.reproduce.reber.search_figure import draw

    task = load_task("reber")
    parts = [f"seed {seed}, {TRIALS} networks, {EPOCHS} epochs" for seed in seeds]
    measure = partial(_measured, task)
    rows = [Trained(**row) for row in resumed(folder / "reber_search_networks.jsonl", parts, measure, say)]
    volumes = {(arm, seed): dominated(chosen(rows, arm, seed), rows) for arm in ARMS for seed in seeds}
    (folder / "reber_search.png").write_bytes(render(lambda: draw(volumes, rows), "png"))
    found = [_row(arm, seed, chosen(rows, arm, seed), volumes[arm, seed]) for seed in seeds for arm in ARMS]
    return Table(
        "reber_search",
        f"task reber, space graph_rnn (tanh, recurrent, inputs all, 12 to 24 nodes), {TRIALS} networks of {EPOCHS} "
        f"epochs a search, {BATCH} a program, seeds {seeds[0]}-{seeds[-1]}; t intervals at 95 % over seeds",
        found,
        summary(found),
    )


def _measured(task: Task, part: str) -> list[dict[str, Any]]:
    seed = int(part.split()[1].rstrip(","))
    evolved = list(searched("evolution", seed, task, TRIALS))
    return [asdict(row) for row in (*evolved, *matched(evolved, task), *searched("random", seed, task, TRIALS))]


def searched(strategy: str, seed: int, task: Task, trials: int) -> Iterator[Trained]:
    """Yield the networks of a search by a strategy."""
    space = CandidateSpace(
        GraphRNNs(), SparsityChoices(METHODS, ("global",), DENSITIES), task.signature, seed=seed, only=ONLY
    )
    work = Work(make_runner, SETTINGS, task, make_batch_runner)
    with tempfile.TemporaryDirectory() as out, closing(population(work, Resources(threads=1, batch=BATCH))) as executor:
        header = Header("reber", "graph_rnn", OBJECTIVES, seed, "small tanh networks")
        records = open_records(Path(out) / "journal.log", "run", header, space.choices)
        screen = Screen(space, task, OBJECTIVES)
        history = Search(STRATEGIES[strategy], screen, executor, records, space).run(trials)
    for record in history:
        if isinstance(record.outcome, Outcome):
            candidate = from_json(record.candidate)
            graph, how = GraphRNNs().graph(candidate.architecture), candidate.sparsity
            figures = record.outcome.kept, record.outcome.val_accuracy
            pruned = how.method, how.allocation, how.density, how.rounds
            yield Trained(strategy, seed, record.number, graph.nodes, len(graph.edges), *pruned, *figures)


def matched(rows: Sequence[Trained], task: Task) -> Iterator[Trained]:
    """Yield for each network one on a random graph of the same nodes and edges, pruned as it was."""
    members = []
    for place, row in enumerate(rows):
        seed = int(numpy_stream(row.seed, f"same sizes/{row.number}").integers(2**31))
        graph = uniform(row.nodes, row.edges, numpy_stream(seed, "graph"))
        module = initialize(partial(_network, graph, task), stream(seed, "init"), gain=1.0)
        masks = prune(module, row.sparsity, Evidence(task.signature.input_shape, stream(seed, "mask")))
        members.append(Member(place, seed, module, masks))
    results = train_members(members, task, SETTINGS)
    for place, (row, member) in enumerate(zip(rows, members, strict=True)):
        result = results[place]
        accuracy = result.val_accuracy if isinstance(result, Outcome) else float("nan")
        known = row.method, row.allocation, row.density, row.rounds
        yield Trained("same sizes", row.seed, row.number, row.nodes, row.edges, *known, member.masks.kept, accuracy)


def _network(graph: Graph, task: Task) -> GraphRNN:
    return GraphRNN(graph, "tanh", task.signature.input_shape[1], task.signature.classes, "all")


def uniform(nodes: int, edges: int, rng: np.random.Generator) -> Graph:
    """Return a graph uniform over all with these numbers of nodes and edges (Erdős and Rényi 1959)."""
    pairs = np.stack(np.triu_indices(nodes, 1), 1)
    kept = rng.choice(len(pairs), size=edges, replace=False)
    return Graph.of(nodes, [(int(u), int(v)) for u, v in pairs[kept]])


def chosen(rows: Sequence[Trained], arm: str, seed: int) -> list[Trained]:
    """Return the networks of one search, in the order of their numbers, without those that diverged."""
    found = [row for row in rows if (row.arm, row.seed) == (arm, seed) and np.isfinite(row.val_accuracy)]
    return sorted(found, key=lambda row: row.number)


def dominated(search: Sequence[Trained], everything: Sequence[Trained]) -> NDArray[np.float64]:
    """Return the share of the box that is dominated after each network, (networks,); the box spans all searches."""
    logs = np.log10([row.kept for row in everything])
    scale = np.array([1.0 - CHANCE, logs.max() - logs.min()])
    front: NDArray[np.float64] = np.empty((0, 2))
    volumes = []
    for row in search:
        point = np.array([row.val_accuracy - CHANCE, logs.max() - np.log10(row.kept)]) / scale
        front = nondominated(np.vstack([front, point]))
        volumes.append(hypervolume(front, np.zeros(2)))
    return np.array(volumes)


def _row(arm: str, seed: int, search: Sequence[Trained], volumes: NDArray[np.float64]) -> dict[str, Any]:
    return {
        "arm": arm,
        "seed": seed,
        "networks": len(search),
        "hypervolume": float(volumes[-1]),
        "best_val_accuracy": max(row.val_accuracy for row in search),
        "mean_val_accuracy": float(np.mean([row.val_accuracy for row in search])),
        "median_kept": float(np.median([row.kept for row in search])),
    }


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return evolution less each other arm: hypervolume, best and mean accuracy, paired by seed."""

    def column(arm: str, name: str) -> list[float]:
        return [row[name] for row in rows if row["arm"] == arm]

    return {
        f"{name}, evolution less {other}": asdict(paired_difference(column("evolution", name), column(other, name)))
        for other in ARMS[1:]
        for name in ("hypervolume", "best_val_accuracy", "mean_val_accuracy")
    }
