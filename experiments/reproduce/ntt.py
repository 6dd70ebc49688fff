"""Neural Tangent Transfer on MNIST at 3 %: against random, magnitude and SNIP masks, with its mask or weights alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from experiments.batches import batches
from experiments.benchmarks.table import Table
from experiments.reproduce.comparison import compared
from experiments.reproduce.comparison_figure import write_figure
from experiments.reproduce.mnist import everything, lenet, mnist_images, trained
from experiments.reproduce.resumed import Rows, resumed
from nas.seeds import stream
from nas.tasks import Task
from nas.training import Recipe
from pruning import Evidence, MaskSet, Sparsity, prune
from pruning.ntt import TransferSettings, distance, neural_tangent_transfer

DENSITY = 0.03
SETTINGS = TransferSettings(steps=1000)
BATCH = 64
RECIPE = Recipe(epochs=3, batch_size=128, optimizer="adamw", learning_rate=2e-3, weight_decay=0.0, precision="float32")
SNIP_IMAGES = 100
KERNELS = ("alive", "published")

CONTRASTS = (
    ("ntt", "random"),
    ("ntt", "magnitude"),
    ("ntt", "snip"),
    ("ntt", "ntt, mask only"),
    ("ntt, mask only", "random"),
    ("ntt, weights only", "random"),
    ("ntt", "ntt, published kernel"),
)


def ntt(
    folder: Path, say: Callable[[str], None], seeds: Sequence[int] = range(5), network: str = "lenet_300_100"
) -> Table:
    """Return test accuracies of sparse LeNets on MNIST from NTT and from other masks, each layer at the same density.

    The finding: without a label, NTT's mask and weights train to 96.5 % (LeNet-300-100) at 3 %, against 93.5 % of what
    was called random there. All layerwise: truly random, magnitude and SNIP masks; and NTT's mask on the network's
    own weights, and its weights (of the same layer, in an order drawn) on the random mask.

    Source: Liu and Zenke, ICML 2020, arXiv 2006.08228, and the logs of its released notebooks.
    Differs from the paper: 1,000 steps of transfer instead of 18,720, the kernel distance estimated, few epochs.
    """
    parts = [f"{network}, seed {seed}" for seed in seeds]

    def measure(part: str) -> Rows:
        return list(seed_rows(int(part.rsplit(" ", 1)[1]), mnist_images(), network))

    rows = list(resumed(folder / "ntt.jsonl", parts, measure, say))
    summary = compared(rows, ("network",), "method", CONTRASTS)
    write_figure(folder / "ntt.png", summary["differences"], "difference in test accuracy")
    protocol = f"{network}, MNIST, density {DENSITY:g} in each layer, {len(seeds)} seeds; {SETTINGS.steps} steps of NTT"
    return Table("ntt", f"{protocol}, {RECIPE.epochs} epochs of training", rows, summary)


def seed_rows(
    seed: int,
    task: Task,
    network: str = "lenet_300_100",
    settings: TransferSettings = SETTINGS,
    recipe: Recipe = RECIPE,
) -> Iterator[dict[str, Any]]:
    """Yield a row for each mask and weights: distances from the dense network before training, accuracy after it."""
    teacher = lenet(seed, network, "glorot")
    images = batches(task, BATCH, stream(seed, "probe"))()[0]
    for method, masks, values in starts(seed, task, teacher, settings):
        module = copy.deepcopy(teacher)
        if values is not None:
            with torch.no_grad():
                for name, parameter in module.named_parameters():
                    parameter.copy_(values[name])
        near = _nearness(module, teacher, masks, images)
        accuracy = trained(module, masks, recipe, seed, "train", task)
        yield {"network": network, "seed": seed, "method": method, "kept": masks.kept, **near, "accuracy": accuracy}


def starts(
    seed: int, task: Task, teacher: nn.Module, settings: TransferSettings
) -> Iterator[tuple[str, MaskSet, Mapping[str, Tensor] | None]]:
    """Yield method, masks and the weights to start from (None: the network's own)."""
    yield "dense", everything(teacher), None
    inputs, targets = task.evidence(SNIP_IMAGES, stream(seed, "evidence"))
    made = {}
    for method in ("random", "magnitude", "snip"):
        evidence = Evidence(task.signature.input_shape, stream(seed, "mask"), inputs, targets)
        made[method] = prune(teacher, Sparsity(method, DENSITY, allocation="uniform"), evidence)
        yield method, made[method], None
    for kernel in KERNELS:
        following = batches(task, BATCH, stream(seed, "transfer"))
        found = neural_tangent_transfer(
            teacher,
            Sparsity("magnitude", DENSITY, allocation="uniform"),
            lambda following=following: following()[0],  # type: ignore[misc]
            stream(seed, "probes"),
            replace(settings, kernel=kernel),  # type: ignore[arg-type]
        )
        suffix = "" if kernel == "alive" else ", published kernel"
        yield f"ntt{suffix}", found.masks, found.parameters
        yield f"ntt{suffix}, mask only", found.masks, None
        if kernel == "alive":
            moved = relocated(found.parameters, found.masks, made["random"], stream(seed, "relocate"))
            yield "ntt, weights only", made["random"], moved


def relocated(
    values: Mapping[str, Tensor], masks: MaskSet, others: MaskSet, generator: torch.Generator
) -> dict[str, Tensor]:
    """Return parameters whose kept values are those of `values`, layer by layer, at the places of another mask.

    Args:
        values: all parameters of a network.
        masks: where its weights are.
        others: where they shall be; as many in each layer.
        generator: decides which goes where.
    """
    found = {name: value.clone() for name, value in values.items()}
    for name in masks:
        kept = values[name][masks[name]]
        found[name].zero_()
        found[name][others[name]] = kept[torch.randperm(len(kept), generator=generator)]
    return found


def _nearness(module: nn.Module, teacher: nn.Module, masks: MaskSet, images: Tensor) -> dict[str, float]:
    kept = {name: masks[name].float() for name in masks}
    student = {n: p.detach() * kept[n] if n in kept else p.detach() for n, p in module.named_parameters()}
    own = {name: p.detach() for name, p in teacher.named_parameters()}
    found = distance(teacher, student, own, kept, images, estimate="closed")
    return {"function_distance": float(found.function), "kernel_distance": float(found.kernel)}
