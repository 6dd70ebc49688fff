"""The training half of the experiment: block by block into one CSV, so that it can stop and go on anywhere."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch

from experiments.files import write_text
from experiments.reproduce.reber.networks import CELLS, Network, networks
from nas.outcomes import Epoch, Failure, Outcome
from nas.tasks import Task
from nas.training import Recipe
from nas.training.population import accuracy, gather, train_population

BLOCK = 25
"""Networks in one program: neighbours in size, so that padding costs little, and small enough for the cache."""
RECIPE = Recipe(
    epochs=15,
    batch_size=128,
    optimizer="adamw",
    learning_rate=1e-3,
    weight_decay=0.0,
    precision="float32",
    evaluate_every=1,
)
CLIP = 5.0
THRESHOLD = 0.95


@dataclass(frozen=True, slots=True)
class Row:
    """One trained network. `epochs_to_threshold` is the first epoch of validation accuracy 0.95, 0 if there is none.

    `accuracy` and `loss` are of the test split and the last training epoch; both NaN if the network diverged.
    """

    family: str
    graph: int
    is_twin: int
    cell: str
    seed: int
    accuracy: float
    val_accuracy: float
    loss: float
    epochs_to_threshold: int


def blocks(seeds: Sequence[int], cells: Sequence[str] = CELLS) -> Iterator[tuple[str, int, bool, list[Network]]]:
    """Yield (cell, seed, twins?, networks): cell by cell, the graphs' five seeds before those of their twins."""
    everything = networks()
    for cell in cells:
        for twins in (False, True):
            chosen = [network for network in everything if network.is_twin == twins]
            for seed in seeds:
                for start in range(0, len(chosen), BLOCK):
                    yield cell, seed, twins, chosen[start : start + BLOCK]


def run(
    table: Path, task: Task, seeds: Sequence[int], cells: Sequence[str], say: Callable[[str], None], device: str = "cpu"
) -> list[Row]:
    """Train every block that is not in `table` yet, adding its rows when it is done; return all rows of the table."""
    done = {key(row) for row in _mended(table)} if table.exists() else set()
    for cell, seed, _, members in blocks(seeds, cells):
        missing = [m for m in members if (m.family, m.number, int(m.is_twin), cell, seed) not in done]
        if missing:
            append(table, train_block(missing, cell, seed, task, device))
            low, high = missing[0].graph.nodes, missing[-1].graph.nodes
            say(f"{cell}, seed {seed}: {len(missing)} networks of {low} to {high} nodes")
    return read(table)


def train_block(members: Sequence[Network], cell: str, seed: int, task: Task, device: str = "cpu") -> list[Row]:
    """Return the rows of one block; `seed` decides initial weights and the order of the strings."""
    return [row for row, _ in trained(members, cell, seed, task, RECIPE, device=device)]


def trained(
    members: Sequence[Network],
    cell: str,
    seed: int,
    task: Task,
    recipe: Recipe,
    *,
    measures: Sequence[str] = (),
    device: str = "cpu",
) -> list[tuple[Row, Outcome | Failure]]:
    """Return the row and the outcome of each network of one block, the task's measures of these names in the latter."""
    modules = [member.build(cell, seed, task.signature.classes) for member in members]
    curves: list[list[Epoch | None]] = [[] for _ in members]

    def keep(number: int, epochs: Sequence[Epoch | None]) -> None:
        for curve, epoch in zip(curves, epochs, strict=True):
            curve.append(epoch)

    masks: list[dict[str, torch.Tensor]] = [{} for _ in members]
    outcomes = train_population(
        modules,
        masks,
        task,
        recipe,
        seed=seed,
        clip=CLIP,
        constant_rate=True,
        device=device,
        on_epoch=keep,
        measures=measures,
    )
    tested = accuracy(gather(modules, masks, device), task.test.to(device)).tolist()
    rows = [_row(*found, cell, seed) for found in zip(members, curves, tested, strict=True)]
    return list(zip(rows, outcomes, strict=True))


def _row(member: Network, curve: Sequence[Epoch | None], tested: float, cell: str, seed: int) -> Row:
    last, nan = curve[-1], float("nan")
    values = [epoch.val_accuracy or 0.0 for epoch in curve if epoch is not None]
    reached = next((number for number, value in enumerate(values, start=1) if value >= THRESHOLD), 0)
    figures = (nan, nan, nan, 0) if last is None else (tested, values[-1], round(last.train_loss, 6), reached)
    return Row(member.family, member.number, int(member.is_twin), cell, seed, *figures)


def key(row: Row) -> tuple[str, int, int, str, int]:
    """Return what makes a row unique."""
    return row.family, row.graph, row.is_twin, row.cell, row.seed


def append(table: Path, rows: Sequence[Row]) -> None:
    """Add rows to the CSV, with a header if it is new."""
    table.parent.mkdir(parents=True, exist_ok=True)
    fresh = not table.exists()
    with table.open("a", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=[field.name for field in fields(Row)], lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def _mended(table: Path) -> list[Row]:
    """Return the rows of the CSV after taking away a last line that a kill cut short."""
    text = table.read_text()
    if not text.endswith("\n"):
        write_text(table, text[: text.rfind("\n") + 1])
    return read(table)


def read(table: Path) -> list[Row]:
    """Return the rows of the CSV."""
    kinds = {"family": str, "cell": str, "graph": int, "is_twin": int, "seed": int, "epochs_to_threshold": int}
    with table.open(newline="") as file:
        return [
            Row(**{name: kinds.get(name, float)(text) for name, text in line.items()}) for line in csv.DictReader(file)
        ]
