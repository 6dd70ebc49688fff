"""The moving mask of one training: where the loop's lines for it lead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nas.training.failure import TrainingFailed
from pruning import MaskSet, PruningError
from pruning.dynamic import STATIC, TRAININGS, Loop


class Moves:
    """The moving mask of one training, and what it cost."""

    def __init__(self, training: str, module: nn.Module, masks: MaskSet, loop: Loop) -> None:
        """Put the mask onto the network, which is as it was before its first step."""
        self._training, self._metadata, self._length = training, masks.metadata, loop.steps
        self._moving = TRAININGS[training](module, masks, loop)
        self._kept = self._moving.masks.kept
        self._total = masks.total
        self._sum = self._steps = 0

    def prepare(self) -> None:
        """Do what is due before the first step of a training that is not resumed.

        Raises:
            PruningError: the network does not fit the training.
        """
        if self._moving.prepare():
            self._kept = self._moving.masks.kept

    def step(self) -> None:
        """Do what is due after the optimiser's step.

        Raises:
            TrainingFailed: "non_finite_loss": the weights to be ranked are not finite.
        """
        self._sum += self._kept
        self._steps += 1
        try:
            moved = self._moving.step()
        except PruningError as error:
            raise TrainingFailed("non_finite_loss", str(error)) from None
        if moved:
            self._kept = self._moving.masks.kept

    def cycle(self, step: int) -> tuple[int, int]:
        """Return the place of a step, counted from 0, in its cycle of the learning rate, and the cycle's length."""
        return self._moving.cycle(step, self._length)

    def tensors(self) -> dict[str, Tensor]:
        """Return what a training that goes on later needs; nothing for a static mask."""
        state = self._moving.state_dict()
        if not state:
            return {}
        numbers = {"sum": torch.tensor(self._sum), "steps": torch.tensor(self._steps)}
        return numbers | {f"state/{name}": value for name, value in _flat(state)}

    def go_on_(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from what `tensors` returned."""
        if not tensors:
            return
        self._sum, self._steps = int(tensors["sum"]), int(tensors["steps"])
        self._moving.load_state_dict(_nested(tensors))
        self._kept = self._moving.masks.kept

    def close(self) -> None:
        """Let go of the network; the zeros stay."""
        self._moving.release()

    @property
    def masks(self) -> MaskSet:
        """What is kept now; the metadata are the pattern's, and name the training unless it is static."""
        said = {} if self._training == STATIC else {"training": self._training}
        return MaskSet(self._moving.masks, {**self._metadata, **said})

    @property
    def mean_density(self) -> float | None:
        """Mean kept fraction over the steps so far; None for a static mask, which has one density throughout."""
        return None if self._training == STATIC else self._sum / (self._steps * self._total)


def _flat(state: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """Yield a state's numbers and tensors as tensors; those of a mapping as "its name/their name"."""
    for key, value in state.items():
        if isinstance(value, Mapping):
            yield from ((f"{key}/{name}", tensor) for name, tensor in value.items())
        else:
            yield key, torch.as_tensor(value)


def _nested(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return the state that `_flat` flattened: tensors without axes were numbers."""
    state: dict[str, Any] = {}
    for path, value in tensors.items():
        prefix, _, rest = path.partition("/")
        key, _, name = rest.partition("/")
        if prefix == "state" and name:
            state.setdefault(key, {})[name] = value
        elif prefix == "state":
            state[key] = value.item() if value.ndim == 0 else value
    return state
