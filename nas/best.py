"""The network a search ends with, as files that anyone can load without this machine or its study.

best/architecture.json    the candidate, the task's signature and normalisation, what was measured
best/masks.safetensors    one bool tensor per pruned parameter
best/weights.safetensors  the trained state
best/load.py              five lines that load and run it
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nas import outcomes
from nas.candidates import Candidate, find_space, from_json, to_json
from nas.errors import NasError
from nas.outcomes import Outcome
from nas.seeds import stream
from nas.tasks import Task
from pruning import MaskSet, check_masks, load_masks, save_masks
from search_spaces import Signature

FORMAT = "sparsenas/network/1"
SNIPPET = '''"""Load this network and classify four random images: python load.py"""
import pathlib, torch, nas.best
network = nas.best.load_best(pathlib.Path(__file__).parent)
images = torch.randint(0, 256, (4, *network.signature.input_shape), dtype=torch.uint8)
print(network.logits(images).argmax(dim=1), f"density {network.masks.density:.3f}")
'''


@dataclass(frozen=True)
class Network:
    """A trained masked network: `module` is in eval mode on the CPU, its pruned weights exactly zero.

    `mean` and `std` (one per channel, in raw pixel units) are what its inputs were normalised with.
    """

    module: nn.Module
    masks: MaskSet
    candidate: Candidate
    task: str
    signature: Signature
    mean: Tensor
    std: Tensor
    outcome: Outcome | None = None

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor:
        """Return class scores (n, classes) of raw images (n, *input_shape), any numeric type."""
        shape = (1, -1, *(1 for _ in self.signature.input_shape[1:]))
        scores: Tensor = self.module((images.float() - self.mean.view(shape)) / self.std.view(shape))
        return scores


def save_best(
    folder: Path, candidate: Candidate, task: Task, module: nn.Module, masks: MaskSet, outcome: Outcome
) -> None:
    """Write the network's files into `folder`, made if absent."""
    from safetensors.torch import save

    folder.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}
    (folder / "weights.safetensors").write_bytes(save(state))
    sparsity = candidate.sparsity
    save_masks(masks, folder / "masks.safetensors", {"method": sparsity.method, "density": repr(sparsity.density)})
    mean, std = task.normalise.constants
    description = {
        "format": FORMAT,
        "task": task.name,
        "signature": {"input_shape": list(task.signature.input_shape), "classes": task.signature.classes},
        "normalisation": {"mean": list(mean), "std": list(std)},
        "candidate": to_json(candidate),
        "outcome": outcomes.to_json(outcome),
    }
    (folder / "architecture.json").write_text(json.dumps(description, indent=2) + "\n")
    (folder / "load.py").write_text(SNIPPET)


def load_best(folder: Path) -> Network:
    """Return the network that `save_best` wrote. Its files are data: nothing in them is executed.

    Raises:
        NasError: a file is missing, cut short or does not fit the architecture. PruningError: the masks do not.
    """
    folder = Path(folder)
    description = _read_description(folder / "architecture.json")
    candidate = from_json(description["candidate"], str(folder / "architecture.json"))
    signature = Signature(tuple(description["signature"]["input_shape"]), int(description["signature"]["classes"]))
    space = find_space(candidate.architecture.space)
    module = space.build(candidate.architecture, signature, generator=stream(candidate.seed, "init"))
    load_weights_(module, folder / "weights.safetensors")
    masks = load_masks(folder / "masks.safetensors")
    check_masks(module, masks)
    outcome = outcomes.from_json(description["outcome"])
    return Network(
        module=module.eval(),
        masks=masks,
        candidate=candidate,
        task=str(description["task"]),
        signature=signature,
        mean=torch.tensor(description["normalisation"]["mean"]),
        std=torch.tensor(description["normalisation"]["std"]),
        outcome=outcome if isinstance(outcome, Outcome) else None,
    )


def _read_description(path: Path) -> Mapping[str, Any]:
    try:
        description = json.loads(path.read_text())
    except OSError as error:
        raise NasError(f"a network folder must hold architecture.json; got '{error.strerror}' ({path}).") from None
    except ValueError as error:
        raise NasError(f"architecture.json must be JSON; got '{error}' ({path}).") from None
    wanted = {"task", "signature", "normalisation", "candidate", "outcome"}
    if not isinstance(description, dict) or description.get("format") != FORMAT or not wanted <= set(description):
        raise NasError(f"architecture.json must have format '{FORMAT}' and fields {sorted(wanted)} ({path}).")
    return description


def load_weights_(module: nn.Module, path: Path) -> None:
    """Fill the network from a safetensors file of its state.

    Raises:
        NasError: the file is missing, cut short or not this network's.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        module.load_state_dict(load_file(path))
    except OSError as error:
        raise NasError(f"a network folder must hold its weights; got '{error}' ({path}).") from None
    except SafetensorError as error:
        raise NasError(f"a weights file must be whole safetensors; got '{error}' ({path}).") from None
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise NasError(f"weights must fit the architecture; got '{reason}' ({path}).") from None
