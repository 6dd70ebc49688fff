"""Training speed of one candidate against the plain DataLoader way, as a benchmark of the command line."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from experiments.benchmarks.table import Table
from experiments.benchmarks.training import measure_training
from nas.seeds import stream
from nas.tasks import load_task
from nas.training import Recipe
from search_spaces import NETWORKS


def training(folder: Path, say: Callable[[str], None]) -> Table:
    """Return images per second of ResNet-20 on CIFAR-10, batch 128, for each way of training (needs the data)."""
    data = os.environ.get("SPARSENAS_DATA")
    task = load_task("cifar10", Path(data) if data else None)
    network = NETWORKS["resnet20"]
    device = "cuda" if torch.cuda.is_available() else "cpu"

    def make() -> nn.Module:
        return network.build(network.signature, stream(0, "init"))

    images = 40_960 if device == "cuda" else 4096
    rows = measure_training(make, task, Recipe(epochs=1), device=device, images=images, repeats=5)
    for row in rows:
        say(f"{row.way}: {row.images_per_second:.0f} images/s, {row.ratio:.2f} times the plain way")
    ours = rows[-1]
    return Table(
        "training",
        f"ResNet-20 on CIFAR-10, batch 128, {device}, {torch.get_num_threads()} threads, medians of {ours.repeats}",
        [asdict(row) for row in rows],
        {"images_per_second": ours.images_per_second, "ratio_to_plain": ours.ratio},
    )
