"""What a training step costs whose mask may move, against one whose mask stays; and a step of NTT in three ways."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from experiments.benchmarks.table import Table
from nas.seeds import stream
from pruning import Evidence, Sparsity, prune
from pruning.dynamic import STATIC, TRAININGS, Loop
from pruning.ntt import distance, masked
from search_spaces import NETWORKS

DENSITY = 0.1
WAYS = ("static", "rigl", "set", "gmp")
"""Trainings whose masks move every so many steps; of the others the steps are static, but edge-popup's."""
INTERVAL = 100
"""Steps between moves of the mask, as published for RigL; the cost of a move is spread over them."""
BATCH = {"lenet_300_100": 128, "resnet20": 32}
PAIRS = {"lenet_300_100": 32, "lenet5": 16, "resnet20": 4}
"""Images of a batch of NTT, half against half."""
ESTIMATES = {
    "lenet_300_100": ("closed", "jacobian", "hutchinson"),
    "lenet5": ("closed", "jacobian", "hutchinson"),
    "resnet20": ("jacobian", "hutchinson"),
}
"""The closed form is for networks of dense and convolutional layers in a row."""
ROUNDS = 7
_LONG = 10**6

Call = Callable[[], object]


def steps(folder: Path, say: Callable[[str], None]) -> Table:
    """Return CPU seconds of a training step with static, RigL, SET and GMP masks, and of NTT's kernel distance.

    A step is forward, backward, SGD with momentum and the mask's own line; what a step costs more in which the mask
    moves is counted as a hundredth. NTT's is one distance with its gradient, by closed form, Jacobians or one random
    probe. The ways are timed in turns, one thread, medians of seven rounds.
    """
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for network, batch in BATCH.items():
        ways = {name: Training(network, batch, name) for name in WAYS}
        quiet = _medians({name: (way.rest, way.step) for name, way in ways.items()})
        moving = _medians({name: (way.approach, way.step) for name, way in ways.items()})
        for name in WAYS:
            move = max(moving[name] - quiet[name], 0.0)
            step = quiet[name] + move / INTERVAL
            rows.append(_row(network, batch, name, step, quiet["static"], move if name != STATIC else None))
            say(f"{network}, {name}: {1000 * step:.2f} ms a step")
    for network, estimates in ESTIMATES.items():
        found = _medians({name: (_nothing, _transfer(network, name)) for name in estimates})
        for name in estimates:
            rows.append(_row(network, PAIRS[network], f"ntt, {name}", found[name], found["jacobian"], None))
            say(f"{network}, NTT by {name}: {1000 * found[name]:.2f} ms a step")
    protocol = f"density {DENSITY:g}; a move every {INTERVAL} steps; against: static masks, and NTT by Jacobians"
    return Table("steps", protocol, rows)


def _row(network: str, batch: int, way: str, step: float, against: float, move: float | None) -> dict[str, Any]:
    return {
        "network": network,
        "batch": batch,
        "way": way,
        "milliseconds": 1000 * step,
        "against": step / against,
        "move_milliseconds": None if move is None else 1000 * move,
    }


class Training:
    """One network in training, its mask's next move under control."""

    def __init__(self, network: str, batch: int, training: str) -> None:
        self.module, masks, self.inputs = _network(network, batch)
        self.targets = torch.randint(10, (batch,), generator=stream(0, "targets"))
        self.optimizer = torch.optim.SGD(self.module.parameters(), 0.01, momentum=0.9)
        loop = Loop(self.optimizer, _LONG, stream(0, "moves"), lambda: self.inputs)
        self.moving = TRAININGS[training](self.module, masks, loop)
        self.module.train()
        self._count = 0

    def step(self) -> None:
        """Train on the batch once."""
        self.optimizer.zero_grad()
        loss = functional.cross_entropy(self.module(self.inputs), self.targets)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self._line()

    def rest(self) -> None:
        """Leave the next step one without a move."""
        if (self._count + 1) % INTERVAL == 0:
            self.step()

    def approach(self) -> None:
        """Let the steps up to the next move pass without training."""
        while (self._count + 1) % INTERVAL:
            self._line()

    def _line(self) -> None:
        self._count += 1
        self.moving.step()


def _nothing() -> None:
    """Prepare nothing."""


def _transfer(network: str, estimate: str) -> Call:
    module, masks, inputs = _network(network, PAIRS[network])
    module.eval()
    teacher = {name: value.detach().clone() for name, value in copy.deepcopy(module).named_parameters()}
    kept = {name: mask.float() for name, mask in masks.items()}
    latent = dict(module.named_parameters())
    generator = stream(0, "probes")

    def step() -> None:
        found = distance(
            module,
            masked(latent, kept),
            teacher,
            kept,
            inputs,
            estimate=estimate,  # type: ignore[arg-type]
            generator=generator,
        )
        torch.autograd.grad(found.function + found.kernel, list(latent.values()))

    return step


def _network(name: str, batch: int) -> tuple[nn.Module, Any, Tensor]:
    network = NETWORKS[name]
    module = network.build(network.signature, stream(0, "init"))
    shape = network.signature.input_shape
    masks = prune(module, Sparsity("random", DENSITY, "erk"), Evidence(shape, stream(0, "mask")))
    return module, masks, torch.randn(batch, *shape, generator=stream(0, "inputs"))


def _medians(calls: Mapping[str, tuple[Call, Call]]) -> dict[str, float]:
    """Return the median CPU seconds of each second call after its first, in turns; the first round is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS + 1):
        for name, (prepare, call) in calls.items():
            prepare()
            start = time.process_time()
            call()
            seconds[name].append(time.process_time() - start)
    return {name: statistics.median(found[1:]) for name, found in seconds.items()}
