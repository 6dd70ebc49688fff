"""What a masked network is like as a whole, one figure a line, and why a figure is missing."""

from __future__ import annotations

import math

from rich.table import Table

from experiments.report.words import count, share, short_count
from experiments.terminal.tables import new_table
from pruning.diagnostics import Connectivity, Diagnosis, Spectrum


def diagnosis_table(title: str, diagnosis: Diagnosis, inputs: str) -> Table:
    """Return the table of the whole network's figures.

    Args:
        title: of the table.
        diagnosis: the figures.
        inputs: what the Jacobian was taken at, in words.
    """
    table = new_table(title, [("figure", "left"), ("value", "right"), ("", "left")])
    for name, value, note in _rows(diagnosis, inputs):
        table.add_row(name, value, note)
    return table


def in_words(diagnosis: Diagnosis) -> str:
    """Return the main figures in one line, for a picture's title."""
    words = [f"density {share(diagnosis.density)}"]
    wiring = diagnosis.connectivity
    if wiring is not None:
        words += [f"effective {share(wiring.effective_density)}", f"log10 paths {_power(wiring.log10_paths)}"]
        words += [f"log10 path kernel trace {_power(wiring.log10_kernel_trace)}"]
    if diagnosis.jacobian is not None:
        summary = diagnosis.jacobian.summary
        words += [f"Jacobian s {summary.mean:.2g} ± {summary.spread:.2g}"]
    return ", ".join(words)


def _rows(diagnosis: Diagnosis, inputs: str) -> list[tuple[str, str, str]]:
    requested = diagnosis.requested
    rows = [
        ("requested density", "–" if requested is None else share(requested), ""),
        ("achieved density", share(diagnosis.density), "kept weights of all prunable ones"),
    ]
    rows += _wiring(diagnosis) + _isometry(diagnosis)
    if diagnosis.jacobian is None:
        return [*rows, ("Jacobian", "–", diagnosis.absent.get("jacobian", ""))]
    return [*rows, *_jacobian(diagnosis.jacobian.summary, inputs)]


def _wiring(diagnosis: Diagnosis) -> list[tuple[str, str, str]]:
    wiring = diagnosis.connectivity
    if wiring is None:
        return [("connectivity", "–", diagnosis.absent.get("connectivity", ""))]
    kept, dense = sum(x.multiply_adds for x in wiring.layers), sum(x.dense_multiply_adds for x in wiring.layers)
    dead = sum(x.dead_outputs for x in wiring.layers), sum(x.outputs for x in wiring.layers)
    return [
        ("effective density", share(wiring.effective_density), _untraced(wiring) or "on a way from input to output"),
        ("dead units", f"{count(dead[0])} of {count(dead[1])}", "outputs of a layer on no way"),
        ("paths", _power(wiring.log10_paths), "log10 of their number"),
        ("path kernel trace", _power(wiring.log10_kernel_trace), "log10, at the weights as they are"),
        ("multiply-adds", short_count(kept), f"of {short_count(dense)} for one input"),
    ]


def _untraced(wiring: Connectivity) -> str:
    if not wiring.untraced:
        return ""
    return f"wiring not traced, all kept counts: {', '.join(wiring.untraced[:3])}" + (
        f" and {len(wiring.untraced) - 3} more" if len(wiring.untraced) > 3 else ""
    )


def _isometry(diagnosis: Diagnosis) -> list[tuple[str, str, str]]:
    if diagnosis.isometry is None:
        return [("departure from isometry", "–", diagnosis.absent.get("isometry", ""))]
    found = [layer.departure for layer in diagnosis.isometry if layer.spectrum is not None]
    if not found:
        return [("departure from isometry", "–", "no layer keeps a weight")]
    mean = math.sqrt(sum(value**2 for value in found) / len(found))
    scaled = "s²" if diagnosis.gain == 1 else f"(s / {diagnosis.gain:.3g})²"
    return [("departure from isometry", f"{mean:.3g}", f"root mean square over the layers of {scaled} - 1")]


def _jacobian(summary: Spectrum, inputs: str) -> list[tuple[str, str, str]]:
    lost = "some input directions are lost" if math.isinf(summary.condition) else "largest / smallest, median"
    return [
        ("Jacobian, mean s", f"{summary.mean:.3g}", f"singular values at {inputs}"),
        ("Jacobian, spread", f"{summary.spread:.3g}", f"from {summary.smallest:.3g} to {summary.largest:.3g}"),
        ("Jacobian, condition", f"{summary.condition:.3g}", lost),
    ]


def _power(value: float) -> str:
    return "none" if math.isinf(value) else f"{value:.2f}"
