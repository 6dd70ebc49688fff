"""Neural Tangent Transfer from the command line: beside the pruning methods, because it trains and is asked for steps.

It is none of `pruning.METHODS`: its masks at two densities are not nested, it needs a stream of batches, and what it
finds is weights as much as a mask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from experiments.errors import ExperimentError
from experiments.networks import Subject
from nas.seeds import stream
from nas.tasks import Task
from nas.tasks.batches import batches
from pruning import MaskSet, Sparsity
from pruning.ntt import Transfer, TransferSettings, neural_tangent_transfer

NTT = "ntt"

BATCH = 64
"""Images of a step, as in the released notebooks: 32 against 32."""


def check(given: Mapping[str, Any]) -> None:
    """Return None if a mask that is refreshed by magnitude can obey these settings.

    Raises:
        ExperimentError: the settings are of another kind of method.
    """
    for name in ("rounds", "sampling", "isometry"):
        if given.get(name) is not None:
            raise ExperimentError(
                f"method 'ntt' must rank by magnitude once a refresh, and finds its own weights; got {name} "
                f"{given[name]!r}. Leave it out."
            )


def transferred(subject: Subject, sparsity: Sparsity, seed: int, steps: int | None) -> Transfer:
    """Return mask and weights that NTT finds for the subject's network as it is, from its task's images.

    The task's labels are not looked at.

    Raises:
        ExperimentError: the subject has no task to take images from, or the steps are below 1.
    """
    if steps is not None and steps < 1:
        raise ExperimentError(f"--steps must be a whole number of at least 1; got {steps}. 1,000 is a start.")
    if subject.task is None:
        raise ExperimentError("method 'ntt' must have images, without labels; got no task. Name one with --task.")
    settings = TransferSettings()
    settings = settings if steps is None else replace(settings, steps=steps)
    following = _inputs(subject.task, seed)
    found = neural_tangent_transfer(subject.module, sparsity, following, stream(seed, "probes"), settings)
    said = {**found.masks.metadata, "method": NTT, "steps": str(settings.steps)}
    return replace(found, masks=MaskSet(found.masks, said))


def _inputs(task: Task, seed: int) -> Any:
    size = min(BATCH, len(task.train) // 2 * 2)
    following = batches(task, size, stream(seed, "transfer"))

    def inputs() -> Tensor:
        return following()[0]

    return inputs
