"""The initial weights that a mask is made for and looked at with: drawn, and brought back towards isometry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from experiments.errors import ExperimentError
from nas.seeds import stream
from pruning import MaskSet
from pruning.initialization import GAINS, INITIALIZATIONS
from pruning.isometry import ISOMETRIES
from pruning.naming import unknown

_AFTER = "density_scaled_he"
"""Needs the masks: they are chosen with the weights of "he", of which it scales those that are kept."""


@dataclass(frozen=True)
class Weights:
    """How to come by a network's weights.

    Attributes:
        seed: of the network's own initialisation and of `initialization`.
        initialization: name in INITIALIZATIONS, or None for the network's own.
        gain: name in GAINS or a number as text; None for the initialisation's own (and 1 for isometry).
        isometry: name in ISOMETRIES, applied once there are masks; None for none.

    Raises:
        ExperimentError: a name is unknown, or a gain is given that nothing uses.
    """

    seed: int = 0
    initialization: str | None = None
    gain: str | None = None
    isometry: str | None = None

    def __post_init__(self) -> None:
        if self.initialization is not None and self.initialization not in INITIALIZATIONS:
            raise ExperimentError(unknown("initialisation", self.initialization, INITIALIZATIONS))
        if self.isometry is not None and self.isometry not in ISOMETRIES:
            raise ExperimentError(unknown("isometry rule", self.isometry, ISOMETRIES))
        if self.gain is not None and self.initialization is None and self.isometry is None:
            raise ExperimentError("--gain must come with --init or --isometry; got neither. Name one.")
        self.settings()

    def settings(self) -> dict[str, Any]:
        """Return the keyword arguments of initialisations and isometry rules: {"gain": number} or nothing.

        Raises:
            ExperimentError: the gain is neither a name nor a number.
        """
        if self.gain is None:
            return {}
        if self.gain in GAINS:
            return {"gain": GAINS[self.gain]}
        try:
            return {"gain": float(self.gain)}
        except ValueError:
            raise ExperimentError(f"{unknown('gain', self.gain, GAINS)}, or a number (--gain)") from None

    def draw_(self, module: nn.Module) -> None:
        """Fill the network's weights, before it is pruned."""
        if self.initialization is not None:
            name = "he" if self.initialization == _AFTER else self.initialization
            INITIALIZATIONS[name](module, stream(self.seed, "initialization"), **self.settings())

    def finish_(self, module: nn.Module, masks: Mapping[str, Tensor]) -> None:
        """Change the kept weights as the initialisation and the isometry rule say; masked ones become zero then."""
        if self.initialization == _AFTER:
            generator = stream(self.seed, "initialization")  # the numbers of `draw_`, on another scale
            INITIALIZATIONS[_AFTER](module, generator, masks=masks, **self.settings())
        if self.isometry is not None:
            ISOMETRIES[self.isometry](module, masks, **self.settings())

    def settle_(self, module: nn.Module, masks: Mapping[str, Tensor], file: Path | None) -> None:
        """Give a network that is already pruned its weights: those of a state's `file`, else drawn and finished."""
        if file is not None:
            load_weights_(module, file)
        else:
            self.draw_(module)
            self.finish_(module, masks)

    def notes(self) -> dict[str, str]:
        """Return what a mask file should remember, so that `chosen` finds the same weights."""
        said = {"initialization": self.initialization, "gain": self.gain, "isometry": self.isometry}
        return {"seed": str(self.seed), **{name: value for name, value in said.items() if value is not None}}


def chosen(
    masks: MaskSet, seed: int | None, initialization: str | None, gain: str | None, isometry: str | None
) -> Weights:
    """Return the weights that a mask file records, with what is given here in its place.

    A file that records none, or words that mean something else, is one of seed 0 and the network's own weights.

    Raises:
        ExperimentError: a given value is refused.
    """
    said = masks.metadata
    try:
        known = Weights(int(said.get("seed", "0")), said.get("initialization"), said.get("gain"), said.get("isometry"))
    except ValueError:  # a file of someone else
        known = Weights()
    return Weights(
        known.seed if seed is None else seed,
        initialization or known.initialization,
        gain or (known.gain if initialization is None else None),
        isometry or known.isometry,
    )


def save_weights(module: nn.Module, masks: Mapping[str, Tensor], file: Path) -> None:
    """Write the network's state with masked weights at zero, as safetensors."""
    from safetensors.torch import save

    state = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in module.state_dict().items()}
    for name, mask in masks.items():
        state[name].masked_fill_(~mask, 0.0)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(save(state))


def load_weights_(module: nn.Module, file: Path) -> None:
    """Fill the network from a safetensors file of its state; a file is data, nothing in it is executed.

    Raises:
        ExperimentError: the file cannot be read, or is not this network's state.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        module.load_state_dict(load(file.read_bytes()))
    except OSError as error:
        raise ExperimentError(f"a weights file must be readable; got '{error.strerror}' ({file}).") from None
    except (SafetensorError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:160]
        raise ExperimentError(f"a weights file must hold this network's state; got '{reason}' ({file}).") from None
