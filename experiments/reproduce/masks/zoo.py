"""The masks behind the published table, made anew: four networks, six methods, five densities, three seeds.

Source: Cunegatti, Farinella, Bucur and Iacca, TMLR 2024 (arXiv 2305.16886) for the table's networks and methods;
    the methods' own sources stand with them in `pruning`.
Differs from the published masks: other seeds; every count is exact, where theirs are drawn; SynFlow's 100 rounds lead
    to density 0.02 and are read off on the way, so that higher densities have fewer rounds; GraSP has one batch for
    gradient and product, and 256 images instead of 1,000 for 100 classes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nas.seeds import derive, stream
from nas.tasks.task import Task
from pruning import Evidence, MaskSet, Sparsity, prune
from pruning.methods import RANKED
from pruning.parameters import prunable
from pruning.ranking import DEAD, top_across
from pruning.schedules import steps
from pruning.scoring import Scorer, checked
from search_spaces import NETWORKS
from search_spaces.architecture import Signature
from search_spaces.networks import ReferenceNetwork

SEEDS = range(3)
SPARSITIES = (0.6, 0.8, 0.9, 0.95, 0.98)
CLASSES = {"CIFAR-10": 10, "CIFAR-100": 100}
RANDOM = {"er": "erk", "erk": "erk", "uniform": "uniform"}
"""Random masks and their allocation. The table's ER is ERK without redistribution: see `_unredistributed`."""
IMAGES = {"snip": {10: 128, 100: 128}, "grasp": {10: 100, 100: 256}}
ROUNDS = {"snip": 1, "grasp": 1, "synflow": 100}
METHODS = (*RANDOM, *ROUNDS)


def conv6_norm(signature: Signature) -> nn.Sequential:
    """Return Conv-6 with batch norm after every layer but the last, as the table's."""
    plain = list(NETWORKS["conv6"].make(signature).named_children())
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    for name, layer in plain:
        parts[name] = layer
        if isinstance(layer, nn.Conv2d):
            parts[f"{name}_norm"] = nn.BatchNorm2d(layer.out_channels)
        elif isinstance(layer, nn.Linear) and name != plain[-1][0]:
            parts[f"{name}_norm"] = nn.BatchNorm1d(layer.out_features)
    return nn.Sequential(parts)


TABLE_NETWORKS: Mapping[str, ReferenceNetwork] = {
    "CONV-6": ReferenceNetwork("conv6_norm", conv6_norm, NETWORKS["conv6"].signature, least_side=8),
    "Resnet-20": NETWORKS["resnet20"],
    "Resnet-32": NETWORKS["resnet32"],
    "Wide-Resnet-28-2": NETWORKS["wrn_28_2"],
}


@dataclass(frozen=True)
class Masked:
    """A network at initialisation and one mask set of it, with the table's words for what it is."""

    dataset: str
    model: str
    method: str
    sparsity: float
    seed: int
    module: nn.Module
    masks: MaskSet


def zoo(task: Task, dataset: str, model: str, method: str, seed: int) -> Iterator[Masked]:
    """Yield the masks of one network, method and seed at the five densities, from the densest.

    A ranking is computed once for all densities. Without CIFAR-100, its images are those of `task` under labels drawn
    at random from 100 classes: at initialisation the layers' shares hardly depend on which images or labels they are.

    Args:
        task: CIFAR-10; used by the methods that look at data.
        dataset: key of `CLASSES`.
        model: key of `TABLE_NETWORKS`.
        method: one of `METHODS`.
        seed: of the weights, the batch and the masks.
    """
    signature = Signature((3, 32, 32), CLASSES[dataset])
    network = TABLE_NETWORKS[model]
    module = network.build(signature, stream(seed, f"init/{dataset}/{model}"))
    key = f"{dataset}/{model}/{method}"
    total = sum(weight.numel() for weight in prunable(module).values())
    if method in RANDOM:
        found = _random(module, method, seed, key)
    else:
        scorer = RANKED[method](module, _evidence(task, signature, method, seed, key))
        counts = [round((1 - sparsity) * total) for sparsity in SPARSITIES]
        found = _nested(module, scorer, counts, ROUNDS[method], derive(seed, f"ties/{key}"))
    for sparsity, masks in zip(SPARSITIES, found, strict=True):
        yield Masked(dataset, model, method, sparsity, seed, module, masks)


def _random(module: nn.Module, method: str, seed: int, key: str) -> Iterator[MaskSet]:
    for sparsity in SPARSITIES:
        density = _unredistributed(module, 1 - sparsity) if method == "er" else round(1 - sparsity, 9)
        evidence = Evidence((3, 32, 32), stream(seed, f"mask/{key}/{sparsity}"))
        yield prune(module, Sparsity("random", density, RANDOM[method]), evidence)


def _unredistributed(module: nn.Module, density: float) -> float:
    """Return the density that is left if layers whose share exceeds their size are cut to it, and nothing made up for.

    The table's ER gives layer l the density min(1, e sum(shape_l) / prod(shape_l)), with e such that the target would
    be met without the bound. That is ERK at the density so reached: one level e decides all layers there too.
    """
    shapes = [weight.shape for weight in prunable(module).values()]
    total = sum(shape.numel() for shape in shapes)
    level = density * total / sum(sum(shape) for shape in shapes)
    return sum(min(shape.numel(), level * sum(shape)) for shape in shapes) / total


def _evidence(task: Task, signature: Signature, method: str, seed: int, key: str) -> Evidence:
    generator = stream(seed, f"mask/{key}")
    if method not in IMAGES:
        return Evidence(signature.input_shape, generator)
    inputs, targets = task.evidence(IMAGES[method][signature.classes], stream(seed, f"batch/{key}"))
    if signature.classes != task.signature.classes:
        targets = torch.randint(signature.classes, targets.shape, generator=stream(seed, f"labels/{key}"))
    return Evidence(signature.input_shape, generator, inputs, targets)


def _nested(module: nn.Module, scorer: Scorer, counts: Sequence[int], rounds: int, ties: int) -> Iterator[MaskSet]:
    """Yield the masks of one run towards the last count, read off at each count on the way."""
    shapes = {name: weight.shape for name, weight in prunable(module).items()}
    sizes = [shape.numel() for shape in shapes.values()]
    way = steps(sum(sizes), counts[-1], rounds, "exponential")
    alive = torch.ones(sum(sizes), dtype=torch.bool)
    scores: Tensor | None = None
    for target in sorted({*way, *counts} if rounds > 1 else set(counts), reverse=True):
        if scores is None or rounds > 1:
            scores = checked(scorer(_named(alive, shapes)), shapes).masked_fill_(~alive, DEAD)
        alive = top_across(scores, sizes, target, ties)
        if target in counts:
            yield MaskSet(_named(alive, shapes))


def _named(flat: Tensor, shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    parts = flat.split_with_sizes([shape.numel() for shape in shapes.values()])
    return {name: part.view(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}
