"""A training on disk between two of its stages: weights, optimiser, masks, generators and the epochs so far.

A checkpoint is a cache. Trainings are functions of their candidate, so one that is missing, cut short or of another
training costs time and nothing else. Safetensors and JSON: reading one runs nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from nas.outcomes import Epoch
from nas.tasks.task import Task
from nas.training.feed import Feed
from nas.training.moves import Moves
from nas.training.recipe import Recipe
from pruning import MaskSet

Tensors = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Training:
    """All that changes from one epoch to the next, but for the global generators, which are in `random_states`."""

    module: nn.Module
    optimizer: torch.optim.Optimizer
    feed: Feed
    moves: Moves

    def generators(self) -> dict[str, torch.Generator]:
        """Return the generators that the training draws from, the global ones of dropout included."""
        device = self.feed.task.device
        found = {"order": self.feed.order, "augment": self.feed.noise, "dropout": torch.default_generator}
        if device.type == "cuda":
            index = torch.cuda.current_device() if device.index is None else device.index
            found["dropout_cuda"] = torch.cuda.default_generators[index]
        return found


def identity(task: Task, recipe: Recipe, masks: MaskSet, seed: int, training: str) -> str:
    """Return a digest of all that decides a training besides its network: a checkpoint of another is not resumed."""
    digest = hashlib.sha256()
    about = (task.name, asdict(recipe), seed, training, str(task.device), torch.get_num_threads(), torch.__version__)
    digest.update(json.dumps(about).encode())
    for name, mask in masks.items():
        digest.update(name.encode() + mask.numpy().tobytes())
    return digest.hexdigest()


def save(path: Path, training: Training, curve: Sequence[Epoch], about: str) -> None:
    """Write a checkpoint, whole or not at all. A disk without room for it costs the next stage time, no more."""
    from safetensors.torch import save as serialise

    tensors = {f"module.{name}": value for name, value in training.module.state_dict().items()}
    for index, state in training.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{key}": value for key, value in state.items() if value is not None}
    tensors |= {f"moves.{name}": value for name, value in training.moves.tensors().items()}
    tensors |= {f"random.{name}": generator.get_state() for name, generator in training.generators().items()}
    plain = {name: torch.as_tensor(value).detach().cpu().contiguous().clone() for name, value in tensors.items()}
    metadata = {"identity": about, "curve": json.dumps([asdict(epoch) for epoch in curve])}
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(serialise(plain, metadata))
        partial.replace(path)
    except OSError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def restore_(path: Path, training: Training, about: str, until: int) -> list[Epoch]:
    """Bring the training to where the checkpoint left it and return its epochs; [] if there is none of it there.

    One that has gone beyond `until` epochs is of no use and counts as none.
    """
    found = _read(path, about)
    if found is None or len(found[1]) > until:
        return []
    tensors, curve = found
    training.moves.go_on_(_part(tensors, "moves."))  # before the weights, of which it zeroes what is not kept
    training.module.load_state_dict(_part(tensors, "module."))
    _fill_optimizer_(training.optimizer, _part(tensors, "optimizer."))
    states = _part(tensors, "random.")
    for name, generator in training.generators().items():
        generator.set_state(states[name])
    return curve


def _read(path: Path, about: str) -> tuple[Tensors, list[Epoch]] | None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("identity") != about:
                return None
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        return tensors, [Epoch(**epoch) for epoch in json.loads(metadata["curve"])]
    except (OSError, SafetensorError):
        return None


def _part(tensors: Mapping[str, Tensor], prefix: str) -> Tensors:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _fill_optimizer_(optimizer: torch.optim.Optimizer, tensors: Tensors) -> None:
    """Give each parameter its moments again, in its own memory layout: fused kernels walk both side by side."""
    whole = optimizer.state_dict()
    whole["state"] = {}
    for name, value in tensors.items():
        index, _, key = name.partition(".")
        whole["state"].setdefault(int(index), {})[key] = value
    optimizer.load_state_dict(whole)
    for parameter, state in optimizer.state.items():
        for key, value in state.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape and value.ndim > 0:
                state[key] = torch.empty_like(parameter, requires_grad=False).copy_(value)
