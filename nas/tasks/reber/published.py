"""The strings of the published study, as they were published: easy ones, kept for comparison."""

from __future__ import annotations

import csv
from pathlib import Path
from string import ascii_uppercase

from nas.errors import NasError
from nas.tasks.reber.corpus import Corpus, checked
from nas.tasks.reber.grammar import REBER

ALPHABET = ascii_uppercase
"""Its negatives use letters outside the grammar's seven."""


def published(folder: Path, part: str) -> Corpus:
    """Return `part` ("train" or "test") of the published strings, every label checked by the automaton.

    Source: J. Stier, H. Darji and M. Granitzer, 2021, Experiments on Properties of Hidden Structures of Sparse Neural
    Networks, arXiv 2107.12917; files of harshildarji/thesis (MIT): `sequences_train.csv`, `sequences_test.csv`.

    Raises:
        NasError: the file is missing, has other columns, or the automaton contradicts a label.
    """
    path = next((p for p in (folder / "reber", folder) if (p / f"sequences_{part}.csv").is_file()), folder / "reber")
    path /= f"sequences_{part}.csv"
    try:
        with path.open(newline="") as file:
            rows = [(row["string"], int(row["valid"])) for row in csv.DictReader(file)]
    except OSError as error:
        raise NasError(
            f"the published Reber strings must be readable; got '{error.strerror}' ({path}). Name their folder with "
            f"--data DIR or SPARSENAS_DATA."
        ) from None
    except (KeyError, TypeError, ValueError):
        raise NasError(
            f"the published Reber strings must have columns 'string' and 'valid' (0 or 1); got others ({path})."
        ) from None
    if not rows or {label for _, label in rows} - {0, 1}:
        raise NasError(f"the published Reber strings must be labelled 0 or 1; got other rows ({path}).")
    return checked(REBER, Corpus(*zip(*rows, strict=True)))
