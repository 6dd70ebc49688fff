"""What the benchmark of first epochs says of trainings whose answer is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from experiments.benchmarks.curves import judged


def trainings(count: int, noise: float) -> list[dict[str, Any]]:
    """Final accuracy is half structure and half what the first epoch shows."""
    rng = np.random.default_rng(0)
    size, seen = rng.random(count), rng.random(count)
    final = 0.4 * size + 0.4 * seen + noise * rng.random(count)
    return [
        {
            "candidate": str(i),
            "val_accuracy": float(final[i]),
            "features": {"size/log_kept": float(size[i])},
            "curves": {"1": {"curve/val_accuracy": float(seen[i]), "curve/log_loss": float(rng.random())}},
        }
        for i in range(count)
    ]


def test_both_together_are_better_than_either_where_both_matter() -> None:
    rows = {row["columns"]: row for row in judged(trainings(120, 0.02), 1, model="bayesian_ridge")}
    so_far, both = rows["accuracy so far, no model"], rows["structure and first epochs"]
    assert so_far["gain"] == 0.0 and so_far["r2"] is None
    assert both["kendall"] > 0.9 and both["gain_low"] > 0.2
    assert both["kendall"] == pytest.approx(so_far["kendall"] + both["gain"])
    assert rows["structure"]["kendall"] < both["kendall"] > rows["first epochs"]["kendall"]
