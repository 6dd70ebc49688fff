"""What suits each task on two cores, as the lowest layer of a search's config: anything given overrides it.

Only settings that depend on the task are here. `max_multiply_adds` bounds the *dense* network, whose training it
is that costs time on a CPU; a GPU has no bound unless one is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "digits": {"trials": 40, "epochs": 15, "final_epochs": 60, "recipe": {"batch_size": 64}},
    "mnist": {"trials": 40, "epochs": 2, "final_epochs": 12},
    "cifar10": {"trials": 40, "epochs": 4, "final_epochs": 30, "recipe": {"label_smoothing": 0.1}},
}

CPU_MULTIPLY_ADDS: Mapping[str, int] = {"digits": 2_000_000, "mnist": 6_000_000, "cifar10": 16_000_000}
"""What "auto" means for `max_multiply_adds` where a CPU trains."""
