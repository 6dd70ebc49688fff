"""A task: images resident on one device, their three splits, and how a batch is made of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from nas.errors import NasError

if TYPE_CHECKING:
    from nas.tasks.augment import Augmentation
    from nas.tasks.measure import Measure
    from search_spaces.architecture import Signature


@dataclass(frozen=True, eq=False)
class Split:
    """Raw `inputs`, uint8, and int64 `targets` (count,), on one device.

    Images are (count, channels, height, width), strings (count, letters).
    """

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, indices: Tensor) -> Split:
        """Return the images at `indices` (int64, same device), in that order."""
        return Split(self.inputs[indices], self.targets[indices])

    def to(self, device: torch.device | str) -> Split:
        """Return the split on `device`; the same tensors if it is there already."""
        return Split(self.inputs.to(device), self.targets.to(device))


class Encoding(Protocol):
    """How raw inputs become a network's: pixels are shifted and scaled, letters become unit vectors."""

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return raw inputs (batch, ...) as float32 (batch, *signature.input_shape)."""
        ...

    @property
    def constants(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Per-channel mean and standard deviation, in raw units."""
        ...

    def to(self, device: torch.device | str) -> Encoding:
        """Return the encoding on `device`."""
        ...


@dataclass(frozen=True, eq=False)
class Normalisation:
    """(x - mean) / std per channel, both (channels, height, width): written out in full, since a broadcast
    over the last axes costs a training step on the CPU twenty times what the arithmetic does.
    """

    mean: Tensor
    inverse_std: Tensor

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return raw images (batch, channels, height, width) as float32 of mean 0 and deviation 1."""
        return inputs.float().sub_(self.mean).mul_(self.inverse_std)

    @property
    def constants(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Per-channel mean and standard deviation, in raw units."""
        return tuple(self.mean[:, 0, 0].tolist()), tuple((1 / self.inverse_std[:, 0, 0]).tolist())

    def to(self, device: torch.device | str) -> Normalisation:
        """Return the constants on `device`."""
        return Normalisation(self.mean.to(device), self.inverse_std.to(device))


def normalisation_of(inputs: Tensor) -> Normalisation:
    """Return the normalisation whose constants are those of raw `inputs` (count, channels, height, width).

    A channel of one value only is centred and left unscaled. Sums are exact integers, so the constants do not
    depend on the thread count.
    """
    count = inputs.numel() // inputs.shape[1]
    histogram = torch.stack([torch.bincount(channel.flatten(), minlength=256) for channel in inputs.unbind(1)])
    level = torch.arange(256)
    mean = (histogram * level).sum(1).double() / count
    variance = (histogram * level**2).sum(1).double() / count - mean**2
    std = torch.where(variance > 0, variance.clamp(min=0).sqrt(), 1.0)
    shape = inputs.shape[1:]
    full = [constant.float().view(-1, 1, 1).expand(shape).contiguous() for constant in (mean, 1 / std)]
    return Normalisation(*full)


@dataclass(frozen=True, eq=False)
class Task:
    """A named classification problem. Only `train` is augmented; only `val` and `measures` may steer a search."""

    name: str
    signature: Signature
    train: Split
    val: Split
    test: Split
    normalise: Encoding
    augment: Augmentation | None = None
    measures: tuple[Measure, ...] = ()

    @property
    def device(self) -> torch.device:
        """Where the images are."""
        return self.train.inputs.device

    def to(self, device: torch.device | str) -> Task:
        """Return the task on `device`: one copy of every split, after which no step touches the host."""
        return replace(
            self,
            train=self.train.to(device),
            val=self.val.to(device),
            test=self.test.to(device),
            normalise=self.normalise.to(device),
            measures=tuple(measure.to(device) for measure in self.measures),
        )

    def measure(self, name: str) -> Measure:
        """Return the measure of that name.

        Raises:
            NasError: the task has none.
        """
        for measure in self.measures:
            if measure.name == name:
                return measure
        known = ", ".join(measure.name for measure in self.measures) or "none"
        raise NasError(
            f"{name} must be a measure of the task; '{self.name}' has {known}. Leave it out or change --task."
        )

    def batch(self, split: Split, indices: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Return normalised float32 inputs and targets of `split` at `indices`, as they are (no augmentation)."""
        return self.normalise(split.inputs[indices]), split.targets[indices]

    def training_batch(self, indices: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return augmented, normalised float32 training inputs and their targets; `generator` on the device."""
        inputs = self.train.inputs[indices]
        if self.augment is not None:
            inputs = self.augment(inputs, generator)
        return self.normalise(inputs), self.train.targets[indices]

    def evidence(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return `count` normalised, unaugmented training images with targets, classes balanced, on the CPU.

        Class sizes differ by at most one; which classes get one more is drawn; a class without training images is left
        out. On the CPU whatever the task's
        device, so that a mask made from it does not depend on where training runs.

        Raises:
            NasError: count is not positive, or a class has fewer training images than its share.
        """
        targets = self.train.targets.cpu()
        chosen = _balanced(targets, count, self.signature.classes, generator)
        inputs = self.train.inputs[chosen.to(self.device)].cpu()
        return self.normalise.to("cpu")(inputs), targets[chosen]


def _balanced(targets: Tensor, count: int, classes: int, generator: torch.Generator) -> Tensor:
    """Return `count` indices drawn without replacement, the same number from each class that occurs or one more."""
    if count < 1:
        raise NasError(f"evidence must have at least 1 image; got {count}. Ask for a few per class.")
    occurring = [label for label in range(classes) if bool((targets == label).any())]
    share, extra = divmod(count, len(occurring))
    favoured = {occurring[place] for place in torch.randperm(len(occurring), generator=generator)[:extra].tolist()}
    chosen = []
    for label in occurring:
        members = (targets == label).nonzero().flatten()
        wanted = share + (label in favoured)
        if wanted > len(members):
            raise NasError(
                f"evidence of {count} images must find {wanted} in each class; got {len(members)} "
                f"(class {label} of the training split). Ask for at most {len(members) * len(occurring)}."
            )
        chosen.append(members[torch.randperm(len(members), generator=generator)[:wanted]])
    return torch.cat(chosen)[torch.randperm(count, generator=generator)]
