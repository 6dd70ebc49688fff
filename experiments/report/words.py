"""Values as a reader wants them: percent with a sensible digit, thin spaces in counts, architectures in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

COUNTS = ("stages", "layers")


def percent(fraction: float | None, digits: int = 1) -> str:
    """Return "93.4 %", or a dash for None."""
    return "–" if fraction is None else f"{100 * fraction:.{digits}f}\u202f%"


def share(fraction: float | None) -> str:
    """Return a density as percent with two significant digits: "0.53 %", "4.2 %", "20 %", "100 %"."""
    if fraction is None:
        return "–"
    value = 100 * fraction
    digits = 0 if value >= 9.95 else 1 if value >= 0.995 else 2
    return f"{value:.{digits}f}\u202f%"


def count(number: float | None) -> str:
    """Return "12 345" with thin spaces, or a dash for None."""
    return "–" if number is None else f"{round(number):,}".replace(",", "\u202f")


def short_count(number: float | None) -> str:
    """Return "3.1 k", "12 M": three significant digits at most."""
    if number is None:
        return "–"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            value = number / size
            return f"{value:.{0 if value >= 100 else 1}f}\u202f{unit}"
    return f"{round(number)}"


def duration(seconds: float | None) -> str:
    """Return "0.4 s", "52 s", "3 min 20 s" or "2 h 5 min"."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f}\u202fs" if seconds >= 0.095 else f"{1000 * seconds:.0f}\u202fms"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}\u202fs"
    if whole < 3600:
        return f"{whole // 60}\u202fmin {whole % 60}\u202fs"
    return f"{whole // 3600}\u202fh {whole % 3600 // 60}\u202fmin"


def short_time(seconds: float | None) -> str:
    """Return "310 µs", "2.3 ms" or "1.2 s": two significant digits at least, or a dash for None."""
    if seconds is None:
        return "–"
    value, unit = (1e6 * seconds, "µs") if seconds < 1e-3 else (1e3 * seconds, "ms") if seconds < 1 else (seconds, "s")
    return f"{value:.{1 if value < 100 and unit != 'µs' else 0}f}\u202f{unit}"


def measure(objective: str, value: float | None) -> str:
    """Return what was measured for an objective: a time, or an error in percent."""
    return short_time(value) if objective.endswith("_seconds") else percent(value, 2)


def title(objective: str) -> str:
    """Return an objective's name as the heading of a column: "latency", "long error"."""
    return objective.removesuffix("_seconds").replace("_", " ")


def epochs(number: int) -> str:
    """Return "1 epoch" or "8 epochs"."""
    return "1 epoch" if number == 1 else f"{number} epochs"


def network(architecture: Mapping[str, Any]) -> str:
    """Return an architecture in words: "2 stages, gelu, maxpool; stage1: plain, depth 4, width 32; stage2: ...".

    Choices of stages (or layers) that the network does not have are left out.
    """
    parts: dict[str, list[str]] = {"": []}
    for name, value in architecture.items():
        place, _, choice = name.rpartition(".")
        numbered = re.fullmatch(r"(stage|layer)(\d+)", place)
        if numbered and int(numbered[2]) > int(architecture.get(f"{numbered[1]}s", numbered[2])):
            continue
        parts.setdefault(place, []).append(_word(name, choice, value))
    return "; ".join(f"{place}: {', '.join(words)}".removeprefix(": ") for place, words in parts.items() if words)


def _word(name: str, choice: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if name in COUNTS:
        return f"{value} {name.removesuffix('s') if value == 1 else name}"
    return f"{choice} {value}"


def chosen_by(candidate: Mapping[str, Any]) -> str:
    """Return what chose the mask: the method, and the training where it moved the mask on."""
    method, training = candidate.get("sparsity", {}).get("method", ""), candidate.get("training")
    return f"{method} + {training}" if training else str(method)
