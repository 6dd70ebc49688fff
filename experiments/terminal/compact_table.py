"""The tables of a compacted network: its layers, and its forms in bytes and milliseconds."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table
from torch import nn

from experiments.compacting import Comparison, Form
from experiments.report.words import count, share, short_count
from experiments.terminal.tables import new_table
from pruning.compaction import Compaction
from pruning.export import Exported

SETTLED = 1.05
"""A ratio of medians nearer to 1 than this, or than that of the dense network to its copy, is no difference."""


def widths_table(name: str, module: nn.Module, small: Compaction) -> Table:
    """Return each layer's units and weights before and after."""
    table = new_table(
        f"{name}, layer by layer",
        [("layer", "left"), *((heading, "right") for heading in ("in", "out", "weights", "kept")), ("stays", "left")],
    )
    for width in small.widths:
        mask = small.masks.get(width.name)
        before = module.get_parameter(width.name).numel()
        after = small.module.get_parameter(width.name).numel()
        kept = "–" if mask is None else share(int(mask.count_nonzero()) / after)
        table.add_row(
            width.name.removesuffix(".weight"),
            _change(width.inputs_before, width.inputs),
            _change(width.outputs_before, width.outputs),
            _change(before, after),
            kept,
            width.stays or "",
        )
    return table


def forms_table(found: Comparison, onnx: Exported | None = None) -> Table:
    """Return parameters, multiply-adds, bytes and milliseconds of each form, with ratios to the dense one."""
    batches = list(found.forms[0].seconds)
    columns = [
        ("form", "left"),
        ("numbers", "right"),
        ("mult-adds", "right"),
        *((heading, "right") for heading in ("on disk", "zipped", "as rows")),
    ]
    columns += [(f"ms, batch {batch}", "right") for batch in batches]
    table = new_table("forms; CPU milliseconds of one thread, and times as fast as dense", columns)
    dense = found.forms[0]
    for form in found.forms:
        cells = [form.name, count(form.parameters), short_count(form.multiply_adds)]
        cells += [_bytes(size) for size in (form.bytes, form.zipped_bytes, form.csr_bytes)]
        table.add_row(*cells, *(_timed(form, dense, batch) for batch in batches))
    if onnx is not None:
        table.add_row("compacted, ONNX", "", "", _bytes(onnx.bytes), "", "", *("" for _ in batches))
    return table


def verdict(found: Comparison, small: Compaction) -> Iterator[str]:
    """Yield what the timings say, in words; nothing that was not timed."""
    if not small.connected:
        yield "no way leads from the input to an output: the masked network answers the same to everything"
    dense, compacted = found.forms[0], next(form for form in found.forms if form.name == "compacted")
    for batch, seconds in dense.seconds.items():
        ratio, same = seconds / compacted.seconds[batch], found.control[batch]
        told = f"{ratio:.2f} times as fast as the dense one (a copy of the dense one: {same:.2f})"
        if max(ratio, 1 / ratio) < max(SETTLED, same, 1 / same):
            yield f"batch {batch}: no difference in time; the compacted network is {told}"
        else:
            yield f"batch {batch}: the compacted network is {'faster' if ratio > 1 else 'slower'}, {told}"
    for timing in found.layers:
        told = "wins" if timing.sparse else "does not win"
        yield (
            f"CSR {told} in {timing.name} {timing.shape[0]}x{timing.shape[1]} at density {timing.density:.3g}, "
            f"{timing.rows} inputs: {timing.ratio:.2f} times as fast as dense"
        )
    yield (
        f"{small.folded} constants folded into biases; {small.uneven} dead units stay, as image borders would show; "
        f"outputs differ by {small.departure:.1g} at most"
    )


def _timed(form: Form, dense: Form, batch: int) -> str:
    seconds = form.seconds.get(batch)
    if seconds is None:
        return "–"
    return f"{1000 * seconds:.3g} ({dense.seconds[batch] / seconds:.2f})"


def _change(before: int, after: int) -> str:
    return count(before) if before == after else f"{count(before)} > {count(after)}"


def _bytes(size: int | None) -> str:
    if size is None:
        return ""
    return f"{size / 1024:.1f}\u202fKiB" if size < 2**20 else f"{size / 2**20:.2f}\u202fMiB"
