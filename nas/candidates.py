"""What a search proposes: an architecture, a sparsity pattern and a seed. Neighbours: genomes.py, realize.py."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas.errors import NasError
from pruning import Sparsity
from pruning.dynamic import STATIC, TRAININGS
from pruning.naming import unknown
from search_spaces import SPACES, Architecture, SearchSpace

FORMAT = "sparsenas/candidate/1"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A masked network before it is built. `seed` is the only randomness of its whole life (see seeds.py).

    `training` says how its mask moves while it trains (`pruning.dynamic.TRAININGS`), from the mask of `sparsity` (or
    towards its layer counts).

    Raises:
        NasError: the training is unknown.
    """

    architecture: Architecture
    sparsity: Sparsity
    seed: int
    training: str = STATIC

    def __post_init__(self) -> None:
        if self.training not in TRAININGS:
            raise NasError(unknown("training", self.training, TRAININGS))


def find_space(name: str) -> SearchSpace:
    """Return the search space called `name`.

    Raises:
        NasError: there is none.
    """
    if name not in SPACES:
        raise NasError(unknown("search space", name, SPACES))
    return SPACES[name]


def to_json(candidate: Candidate) -> dict[str, Any]:
    """Return the candidate as JSON-able data with named values, so that a person can read and edit it.

    A mask that does not move is not mentioned: older candidates read, and are digested, as before.
    """
    space = find_space(candidate.architecture.space)
    data = {
        "format": FORMAT,
        "space": space.name,
        "architecture": space.values(candidate.architecture),
        "sparsity": candidate.sparsity.settings(),
        "seed": candidate.seed,
    }
    return data if candidate.training == STATIC else {**data, "training": candidate.training}


def from_json(data: Mapping[str, Any], where: str = "candidate") -> Candidate:
    """Return the candidate that `to_json` wrote.

    Args:
        data: the parsed JSON object; fields it does not know are refused, so that a typo cannot pass silently. Only
            "training" may be missing.
        where: the file or place, for the error message.

    Raises:
        NasError: a field is missing, unknown or of the wrong type. SpaceError, PruningError: a value is refused.
    """
    wanted = {"format", "space", "architecture", "sparsity", "seed"}
    if not isinstance(data, Mapping) or set(data) - {"training"} != wanted:
        got = sorted(data) if isinstance(data, Mapping) else type(data).__name__
        raise NasError(f"a candidate must have exactly the fields {sorted(wanted)}; got {got} ({where}).")
    if data["format"] != FORMAT:
        raise NasError(f"a candidate's format must be '{FORMAT}'; got {data['format']!r} ({where}).")
    space = find_space(data["space"])
    try:
        sparsity = Sparsity(**data["sparsity"])
        architecture = space.encode(dict(data["architecture"]))
        return Candidate(architecture, sparsity, int(data["seed"]), str(data.get("training", STATIC)))
    except (TypeError, KeyError) as error:
        raise NasError(f"a candidate's fields must be as `to_json` writes them; got {error} ({where}).") from None


def read_candidate(path: Path) -> Candidate:
    """Return the candidate stored in a JSON file: a bare one, or a run's `architecture.json` that contains one.

    Raises:
        NasError: the file is missing, is no JSON, or holds no candidate.
    """
    try:
        data = json.loads(path.read_text())
    except OSError as error:
        raise NasError(f"a candidate file must be readable; got {error.strerror} ({path}).") from None
    except ValueError as error:
        raise NasError(f"a candidate file must be JSON; got {error} ({path}).") from None
    if isinstance(data, dict) and "candidate" in data:
        data = data["candidate"]
    return from_json(data, str(path))
