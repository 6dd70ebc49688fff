"""How fast a population of recurrent networks trains, against one at a time and against the machine's own products."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from experiments.benchmarks.table import Table
from nas.seeds import stream
from nas.tasks import Task, load_task
from nas.tasks.reber.one_hot import OneHot
from nas.training import Recipe
from nas.training.deadline import Deadline
from nas.training.population import gather
from nas.training.population.packing import pack
from nas.training.population.train import Stepper
from search_spaces.graphs import watts_strogatz
from search_spaces.graphs.networks import GraphRNN
from search_spaces.initialize import initialize

UNITS, BATCH, DEGREE = 32, 128, 4
SIZES = (1, 4, 16, 64, 256, 1024)
LARGER = "SPARSENAS_POPULATION_SIZES"
"""Environment variable: other sizes, comma separated."""
CELLS = ("tanh", "gru")
REPEATS = 5
_RECIPE = Recipe(epochs=1, batch_size=BATCH, optimizer="adamw", learning_rate=1e-3, precision="float32")


def population(
    folder: Path, say: Callable[[str], None], sizes: Sequence[int] | None = None, repeats: int = REPEATS
) -> Table:
    """Return network-steps per second of populations of 1 to 1,024 networks of 32 units, tanh and GRU, and draw them.

    One network-step is forward, backward and Adam of one network on one batch of 128 Reber strings. In turns with it:
    torch.nn.RNN or GRU with a linear head, autograd and fused Adam, one network at a time on the same padded batch,
    without masks, on one thread, counted once for each thread there is, as if so many processes did not disturb each
    other; and torch.bmm of states by hidden weights, whose rate the share refers to. The share counts the products of
    the recurrent steps only: 6 H G H multiply-adds and additions for each letter after a string's first.
    Seconds are those of the processor where torch has one thread, else the wall clock's.
    SPARSENAS_POPULATION_SIZES=4096 measures other sizes.
    """
    from experiments.benchmarks.population_figure import draw
    from experiments.report.figures.canvas import render

    device = "cuda" if torch.cuda.is_available() else "cpu"
    task = load_task("reber").to(device)
    named = os.environ.get(LARGER)
    chosen = tuple(map(int, named.split(","))) if named else tuple(sizes or SIZES)
    rows = []
    for cell in CELLS:
        for size in chosen:
            rows.append(_measured(cell, size, task, repeats))
            row = rows[-1]
            say(f"{cell}, {size}: {row['network_steps_per_second']:.0f}/s, {row['ratio']:.1f} times one at a time")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "population.png").write_bytes(render(lambda: draw(rows), "png"))
    best = {cell: max((r for r in rows if r["cell"] == cell), key=lambda r: float(r["ratio"])) for cell in CELLS}
    return Table(
        "population",
        f"{UNITS} units, Watts-Strogatz, degree {DEGREE}, batch {BATCH}, strings of 11 to 25 letters, float32, "
        f"{device}, {torch.get_num_threads()} threads, "
        f"{'processor' if _clock(task.device) is time.process_time else 'wall'} seconds; medians of {repeats}",
        rows,
        {f"{cell}_{key}": best[cell][key] for cell in CELLS for key in ("networks", "ratio", "share_of_bmm")},
    )


def _measured(cell: str, size: int, task: Task, repeats: int) -> dict[str, Any]:
    modules = [_network(cell, number) for number in range(size)]
    stepper = Stepper(gather(modules, [{}] * size, task.device), task, _RECIPE, 0, None, True, Deadline())
    order = torch.randperm(len(task.train), generator=stream(0, "order", task.device), device=task.device)
    batches = torch.split(order, BATCH)[:8]
    packed = pack(task.train.inputs[batches[0]], task.train.targets[batches[0]], 7)
    alone = _Alone(cell, task)
    gates = {"tanh": 1, "gru": 3}[cell]
    product = _Product(min(size, 64), gates, task.device)
    ways: dict[str, Callable[[], float]] = {
        "ours": lambda: _speed(lambda batch: stepper.step(batch, 0), batches, task.device) * size,
        "plain": lambda: _on_each_thread(alone, batches, task.device),
        "bmm": product.rate,
    }
    found: dict[str, list[float]] = {way: [] for way in ways}
    for repeat in range(repeats + 1):
        for way, measure in ways.items():
            value = measure()
            if repeat:
                found[way].append(value)
    middle = {way: statistics.median(values) for way, values in found.items()}
    operations = 6 * (sum(packed.sizes) - BATCH) * gates * UNITS * UNITS
    return {
        "cell": cell,
        "networks": size,
        "network_steps_per_second": middle["ours"],
        "lowest": min(found["ours"]),
        "highest": max(found["ours"]),
        "one_at_a_time": middle["plain"],
        "ratio": statistics.median(a / b for a, b in zip(found["ours"], found["plain"], strict=True)),
        "bmm_gflops": middle["bmm"] / 1e9,
        "share_of_bmm": statistics.median(a * operations / b for a, b in zip(found["ours"], found["bmm"], strict=True)),
    }


def _network(cell: str, number: int) -> nn.Module:
    graph = watts_strogatz(UNITS, DEGREE, np.random.default_rng(number))
    return initialize(lambda: GraphRNN(graph, cell, 7, 2, "all"), stream(number, "init"), gain=1.0)


def _speed(
    step: Callable[[Tensor], object],
    batches: Sequence[Tensor],
    device: torch.device,
    now: Callable[[], float] | None = None,
) -> float:
    """Return steps per second over the batches, as many as fit into about half a second of a clock."""
    now = now or _clock(device)
    start, steps = now(), 0
    while steps == 0 or (steps < len(batches) and now() - start < 0.5):
        step(batches[steps])
        _wait(device)
        steps += 1
    return steps / (now() - start)


def _on_each_thread(alone: _Alone, batches: Sequence[Tensor], device: torch.device) -> float:
    """Return steps per second of one network on one thread, times the threads there are."""
    threads, now = torch.get_num_threads(), _clock(device)
    torch.set_num_threads(1)
    try:
        return _speed(alone.step, batches, device, now) * threads
    finally:
        torch.set_num_threads(threads)


def _clock(device: torch.device) -> Callable[[], float]:
    """Return what other work on the machine disturbs least: the seconds of the processor, if one does all the work."""
    alone = device.type == "cpu" and torch.get_num_threads() == 1
    return time.process_time if alone else time.perf_counter


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class _Alone:
    """One network as it is usually trained."""

    def __init__(self, cell: str, task: Task) -> None:
        kinds: dict[str, Callable[..., nn.Module]] = {"tanh": nn.RNN, "gru": nn.GRU}
        self.task, self.encode = task, OneHot(7)
        self.layer = kinds[cell](7, UNITS, batch_first=True).to(task.device)
        self.head = nn.Linear(UNITS, 2).to(task.device)
        self.optimizer = torch.optim.Adam([*self.layer.parameters(), *self.head.parameters()], lr=1e-3, fused=True)

    def step(self, batch: Tensor) -> None:
        """Train on one batch."""
        states, _ = self.layer(self.encode(self.task.train.inputs[batch]))
        loss = functional.cross_entropy(self.head(states[:, -1]), self.task.train.targets[batch])
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()


class _Product:
    """torch.bmm of the shapes of a step."""

    def __init__(self, size: int, gates: int, device: torch.device) -> None:
        noise = stream(0, "bmm", device)
        self.states = torch.randn(size, BATCH, UNITS, generator=noise, device=device)
        self.weights = torch.randn(size, UNITS, gates * UNITS, generator=noise, device=device)
        self.out = torch.empty(size, BATCH, gates * UNITS, device=device)
        self.operations = 2 * size * BATCH * UNITS * gates * UNITS

    def rate(self) -> float:
        """Return operations per second of the best of five runs of about 20 ms: what the machine can do."""
        best, calls = 0.0, max(1, int(1e9 // self.operations))
        now = _clock(self.states.device)
        for _ in range(5):
            start = now()
            for _ in range(calls):
                torch.bmm(self.states, self.weights, out=self.out)
            _wait(self.states.device)
            best = max(best, calls * self.operations / (now() - start))
        return best
