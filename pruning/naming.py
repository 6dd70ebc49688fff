"""One wording for every name that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """Return the message for a name that is not among the known ones, with the nearest one if any is near.

    Args:
        kind: what is named, in words: "pruning method".
        name: what was asked for.
        known: the names that exist; they are listed in alphabetical order.

    Returns:
        One line: "unknown pruning method 'snpi'; did you mean 'snip'? known: magnitude, random, snip".
    """
    names = sorted(known)
    near = difflib.get_close_matches(str(name).lower(), names, n=1)
    guess = f" did you mean '{near[0]}'?" if near else ""
    return f"unknown {kind} '{name}';{guess} known: {', '.join(names)}"
