"""Make the masks anew and describe them: hours on two cores, hence kept as a file of the project."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from experiments.benchmarks.table import Table
from experiments.reproduce.masks.rows import write_features
from experiments.reproduce.masks.zoo import CLASSES, METHODS, SEEDS, TABLE_NETWORKS, Masked, zoo
from nas.tasks import load_task
from predictors import FEATURE_VERSION, features


def sparse_mask_features(folder: Path, say: Callable[[str], None]) -> Table:
    """Make the masks that `sparse-masks` predicts from (720, CIFAR-10 needed, about 20 minutes of one free core).

    Writes features.csv.gz into the folder; the project's own copy is experiments/reproduce/masks/features.csv.gz.
    """
    data = os.environ.get("SPARSENAS_DATA")
    task = load_task("cifar10", Path(data) if data else None)
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []

    def described() -> Iterator[tuple[Masked, Mapping[str, float]]]:
        for seed, dataset, model, method in itertools.product(SEEDS, CLASSES, TABLE_NETWORKS, METHODS):
            start = time.perf_counter()
            for mask in zoo(task, dataset, model, method, seed):
                yield mask, features(mask.module, mask.masks, (3, 32, 32))
            seconds = time.perf_counter() - start
            rows.append({"seed": seed, "dataset": dataset, "model": model, "method": method, "seconds": seconds})
            say(f"seed {seed}, {dataset}, {model}, {method}: {seconds:.1f} s")

    count = write_features(folder / "features.csv.gz", described())
    summary = {"masks": count, "feature_version": FEATURE_VERSION, "seconds": sum(row["seconds"] for row in rows)}
    return Table(
        "sparse_mask_features", "masks of zoo.py, seconds of making and describing five of them", rows, summary
    )
