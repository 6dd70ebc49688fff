"""The moving mask of one training: where the loop's one line for it leads."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer

from nas.seeds import stream
from nas.training.failure import TrainingFailed
from pruning import MaskSet, PruningError
from pruning.dynamic import STATIC, TRAININGS


class Moves:
    """The moving mask of one training, and what it cost."""

    def __init__(
        self, training: str, module: nn.Module, masks: MaskSet, optimizer: Optimizer, steps: int, seed: int
    ) -> None:
        """Put the mask onto the network; its randomness is the stream "moves" of the seed."""
        self._training, self._metadata = training, masks.metadata
        self._moving = TRAININGS[training](module, masks, optimizer, steps, stream(seed, "moves"))
        self._kept = self._moving.masks.kept
        self._total = masks.total
        self._sum = self._steps = 0

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

    def tensors(self) -> dict[str, Tensor]:
        """Return what a training that goes on later needs; nothing for a static mask."""
        state = self._moving.state_dict()
        if not state:
            return {}
        numbers = torch.tensor([state["steps"], self._sum, self._steps])
        return {f"mask.{n}": m for n, m in state["masks"].items()} | {"random": state["generator"], "numbers": numbers}

    def go_on_(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from what `tensors` returned."""
        if not tensors:
            return
        steps, self._sum, self._steps = tensors["numbers"].tolist()
        masks = {n.removeprefix("mask."): tensor for n, tensor in tensors.items() if n.startswith("mask.")}
        self._moving.load_state_dict({"steps": steps, "masks": masks, "generator": tensors["random"]})
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
