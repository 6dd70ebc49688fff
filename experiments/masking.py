"""From what a user asks for to a sparsity, and from a sparsity to the masks of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from experiments.errors import ExperimentError
from experiments.networks import Subject, read_masks
from nas.realize import EVIDENCE_IMAGES_PER_CLASS
from nas.seeds import stream
from pruning import Evidence, MaskSet, Sparsity, densities_like, prune

_ONE_SOURCE = ("allocation", "densities", "include", "exclude", "ends")
"""Settings that would have a say in the layers' counts beside --like."""


def by_layer(texts: Sequence[str], flag: str, what: str) -> tuple[tuple[str, float], ...]:
    """Return (glob, number) of each "GLOB=NUMBER".

    Args:
        texts: as given on the command line.
        flag: which one gave them, for the message.
        what: the number's name: density, factor.

    Raises:
        ExperimentError: a text is not of that form.
    """
    found = []
    for text in texts:
        glob, sign, value = text.rpartition("=")
        try:
            found.append((glob, float(value)))
        except ValueError:
            sign = ""
        if not (glob and sign):
            raise ExperimentError(
                f"a layer's {what} must be GLOB={what.upper()}; got '{text}' ({flag}). "
                f"For example {flag} 'stage1_*=0.5'."
            )
    return tuple(found)


def sparsity_of(given: Mapping[str, Any], like: Path | None = None, candidate: Sparsity | None = None) -> Sparsity:
    """Return the sparsity of the settings that were given, over a candidate's own if there is one.

    Args:
        given: field of Sparsity -> value; None, False and () are not given.
        like: a mask file whose layer densities to take; its density is the default then.
        candidate: what the settings that are not given come from.

    Raises:
        ExperimentError: method or density is missing, or `like` comes with another source of the layers' counts.
        PruningError: a value breaks its rule.
    """
    chosen = {name: value for name, value in given.items() if value is not None and value is not False and value != ()}
    if like is not None:
        beside = next((name for name in _ONE_SOURCE if name in chosen), None)
        if beside is not None:
            raise ExperimentError(
                f"layers must have their counts from one source; got --like and {beside} "
                f"{chosen[beside]!r}. Give one of them."
            )
        guide = read_masks(like)
        density = chosen.get("density", guide.density)
        chosen |= {"density": density, "densities": densities_like(guide, density)}
    if candidate is not None:
        if like is not None:
            chosen |= {"allocation": "global", "multipliers": ()}
        return replace(candidate, **chosen)
    for name in ("method", "density"):
        if name not in chosen:
            raise ExperimentError(f"--{name} must be given with --network; got none. See `sparsenas prune --help`.")
    return Sparsity(**chosen)


def masks_of(subject: Subject, sparsity: Sparsity, seed: int) -> MaskSet:
    """Return the masks of a network, with images of its task as evidence if it has one."""
    shape, mask_stream = subject.signature.input_shape, stream(seed, "mask")
    if subject.task is None:
        return prune(subject.module, sparsity, Evidence(shape, mask_stream))
    count = EVIDENCE_IMAGES_PER_CLASS * subject.signature.classes
    inputs, targets = subject.task.evidence(count, stream(seed, "evidence"))
    return prune(subject.module, sparsity, Evidence(shape, mask_stream, inputs, targets))
