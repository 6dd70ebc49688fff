"""A compacted network as files that anyone can load: a smaller state, and how to cut the architecture to fit it.

compact.json          the network's name or the candidate, the input's signature, the kept units of each layer
weights.safetensors   the state of the smaller network
masks.safetensors     what of its weights is kept
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from nas.best import load_weights_
from nas.candidates import Candidate, find_space, from_json, to_json
from nas.errors import NasError
from pruning import MaskSet, check_masks, load_masks, save_masks
from pruning.compaction import Compaction, Plan, shrink_
from pruning.naming import unknown
from search_spaces import NETWORKS, Signature

FORMAT = "sparsenas/compact/1"


@dataclass(frozen=True)
class Origin:
    """What was compacted: a network of the literature, or a candidate; and the data it takes.

    `mean` and `std` (one per channel, in raw pixel units) are what its inputs are normalised with, if known.
    """

    signature: Signature
    network: str | None = None
    candidate: Candidate | None = None
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None


@dataclass(frozen=True)
class Compacted:
    """A loaded network: `module` is in eval mode on the CPU."""

    module: nn.Module
    masks: MaskSet
    origin: Origin


def save_compacted(folder: Path, compaction: Compaction, origin: Origin) -> None:
    """Write the network's files into `folder`, made if absent."""
    from safetensors.torch import save

    folder.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in compaction.module.state_dict().items()}
    (folder / "weights.safetensors").write_bytes(save(state))
    save_masks(compaction.masks, folder / "masks.safetensors")
    signature = origin.signature
    description = {
        "format": FORMAT,
        "network": origin.network,
        "candidate": None if origin.candidate is None else to_json(origin.candidate),
        "signature": {"input_shape": list(signature.input_shape), "classes": signature.classes},
        "normalisation": None if origin.mean is None else {"mean": list(origin.mean), "std": list(origin.std or ())},
        "plan": compaction.plan.to_json(),
    }
    (folder / "compact.json").write_text(json.dumps(description) + "\n")


def load_compacted(folder: Path) -> Compacted:
    """Return the network that `save_compacted` wrote. Its files are data: nothing in them is executed.

    Raises:
        NasError: a file is missing, cut short or does not fit the architecture. PruningError: the cut or the masks
            do not.
    """
    file = Path(folder) / "compact.json"
    try:
        said = json.loads(file.read_text())
        origin, plan = _origin(said, file), Plan.from_json(said["plan"], str(file))
    except OSError as error:
        raise NasError(
            f"a compacted network's folder must hold compact.json; got '{error.strerror}' ({file})."
        ) from None
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise NasError(
            f"compact.json must be of format '{FORMAT}'; got {type(error).__name__}: {error} ({file})."
        ) from None
    module = shrink_(_skeleton(origin), plan).to_empty(device="cpu")
    load_weights_(module, file.with_name("weights.safetensors"))
    masks = load_masks(file.with_name("masks.safetensors"))
    check_masks(module, masks)
    return Compacted(module.eval(), masks, origin)


def _origin(said: dict[str, Any], file: Path) -> Origin:
    if said["format"] != FORMAT:
        raise KeyError(f"format {said['format']!r}")
    signature = Signature(tuple(said["signature"]["input_shape"]), int(said["signature"]["classes"]))
    candidate = None if said["candidate"] is None else from_json(said["candidate"], str(file))
    scale = said["normalisation"] or {"mean": None, "std": None}
    return Origin(signature, said["network"], candidate, scale["mean"], scale["std"])


def _skeleton(origin: Origin) -> nn.Module:
    """Return the architecture before the cut, on the meta device."""
    if origin.candidate is not None:
        architecture = origin.candidate.architecture
        return find_space(architecture.space).skeleton(architecture, origin.signature)
    if origin.network is None or origin.network not in NETWORKS:
        raise NasError(unknown("network", origin.network, NETWORKS))
    return NETWORKS[origin.network].skeleton(origin.signature)
