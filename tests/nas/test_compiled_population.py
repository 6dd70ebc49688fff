"""The compiled step against the cells' own in float64: every cell, width, kind of batch; NaN, threads, no compiler."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from nas.seeds import stream
from nas.training.population import compiled
from nas.training.population.cells import CELLS
from nas.training.population.compiled import build
from nas.training.population.gradient import answers, gradient, logits
from nas.training.population.members import Members
from nas.training.population.packing import Packed, pack, pack_each

needs_compiler = pytest.mark.skipif(build.library() is None, reason="there is no C compiler")
every_cell = pytest.mark.parametrize("cell", CELLS)
GATES = {"tanh": 1, "relu": 1, "gru": 3, "lstm": 4}


def members(cell: str, units: int, count: int = 3, letters: int = 7, classes: int = 2) -> Members:
    """Dense networks with weights large enough that every function bends."""
    gates = GATES[cell]
    size = (letters + units) * gates * units + (units + 1) * classes
    values = torch.randn(count, size, generator=stream(units, cell)) * 1.5 / units**0.5
    return Members(cell, (units,) * count, values, values != 0, (letters, gates, units, classes))


def batch(strings: int, seed: int = 0, letters: int = 7, longest: int = 12) -> tuple[Tensor, Tensor]:
    """Strings of 1 to `longest` letters behind blanks, and classes."""
    generator = stream(seed, "strings")
    inputs = torch.randint(letters, (strings, longest), generator=generator, dtype=torch.uint8)
    blanks = torch.randint(longest, (strings, 1), generator=generator)
    inputs[torch.arange(longest) < blanks] = letters
    return inputs, torch.randint(2, (strings,), generator=generator)


def in_float64(found: Members, packed: Packed, smoothing: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    exact, cell = replace(found, values=found.values.double()), CELLS[found.cell]()
    return *gradient(exact, cell, packed, smoothing), logits(exact, CELLS[found.cell](), packed)[0]


def off(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).abs().max() / wanted.abs().max())


@needs_compiler
@every_cell
@pytest.mark.parametrize("units", [1, 5, 16, 17, 32, 40, 48, 64, 90])
def test_the_kernel_is_the_cells_in_float64(cell: str, units: int) -> None:
    some = members(cell, units)
    assert compiled.fits(some) and not compiled.fits(replace(some, values=some.values.double()))
    packed = pack(*batch(37), blank=7)
    losses, right, slope = gradient(some, CELLS[cell](), packed, 0.1)
    exact_losses, exact_right, exact_slope, exact_logits = in_float64(some, packed, 0.1)
    assert off(losses, exact_losses) < 2e-6 and torch.equal(right, exact_right)
    assert off(slope, exact_slope) < 1e-5
    assert off(answers(some, CELLS[cell](), packed), exact_logits) < 5e-6


@needs_compiler
@every_cell
def test_each_network_reads_its_own_batch(cell: str) -> None:
    some = members(cell, 20)
    inputs, targets = (torch.stack(parts) for parts in zip(*(batch(24, seed) for seed in range(3)), strict=True))
    found = gradient(some, CELLS[cell](), pack_each(inputs, targets, 7), 0.0)
    for row in range(3):
        one = some.some(slice(row, row + 1))
        losses, right, slope, _ = in_float64(one, pack(inputs[row], targets[row], 7), 0.0)
        assert off(found[0][row : row + 1], losses) < 2e-6 and int(found[1][row]) == int(right)
        assert off(found[2][row : row + 1], slope) < 1e-5, "blanks before a string change nothing"


@needs_compiler
def test_more_classes_than_lanes_and_other_alphabets() -> None:
    some = members("gru", 18, letters=3, classes=19)
    inputs, _ = batch(30, letters=3)
    packed = pack(inputs, torch.arange(30) % 19, blank=3)
    losses, right, slope = gradient(some, CELLS["gru"](), packed, 0.2)
    exact = in_float64(some, packed, 0.2)
    assert off(losses, exact[0]) < 2e-6 and torch.equal(right, exact[1]) and off(slope, exact[2]) < 1e-5


@needs_compiler
@every_cell
def test_large_sums_saturate_as_the_functions_do(cell: str) -> None:
    some = members(cell, 8)
    some.values[:, : 7 * GATES[cell] * 8].mul_(300)  # the table: far beyond what exp holds in float32
    packed = pack(*batch(16, longest=2), blank=7)
    losses, _, slope = gradient(some, CELLS[cell](), packed, 0.0)
    assert bool(slope.isfinite().all())
    assert off(losses, in_float64(some, packed, 0.0)[0]) < 1e-5


@needs_compiler
@every_cell
def test_what_is_not_finite_stays_so_and_stays_alone(cell: str) -> None:
    some, packed = members(cell, 12), pack(*batch(20), blank=7)
    sound = gradient(some, CELLS[cell](), packed, 0.0)
    some.values[1, 40] = torch.nan
    found = gradient(some, CELLS[cell](), packed, 0.0)
    assert bool(found[0][1].isnan())
    assert all(torch.equal(a[[0, 2]], b[[0, 2]]) for a, b in zip(sound, found, strict=True))


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@needs_compiler
@pytest.mark.usefixtures("threads")
def test_the_number_of_threads_changes_no_bit() -> None:
    some, packed = members("lstm", 24, count=7), pack(*batch(20), blank=7)
    found = []
    for number in (1, 2, 16):
        torch.set_num_threads(number)
        found.append(gradient(some, CELLS["lstm"](), packed, 0.0))
    assert all(torch.equal(a, b) for other in found[1:] for a, b in zip(found[0], other, strict=True))


@needs_compiler
@pytest.mark.usefixtures("threads")
def test_lent_threads_are_given_back_and_change_no_bit() -> None:
    some, packed = members("gru", 20, count=5), pack(*batch(20), blank=7)
    torch.set_num_threads(1)
    wanted = gradient(some, CELLS["gru"](), packed, 0.0)
    torch.set_num_threads(3)
    with pytest.raises(ValueError, match="midway"), compiled.lent(some):
        assert torch.get_num_threads() == 1
        found = gradient(some, CELLS["gru"](), packed, 0.0)
        raise ValueError("midway")
    assert torch.get_num_threads() == 3
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))
    double = replace(some, values=some.values.double())
    with compiled.lent(double):
        assert torch.get_num_threads() == 3, "torch does the work that the kernel cannot"


_ASK = "from nas.training.population.compiled.build import library; print(library() is None)"


@pytest.mark.parametrize(
    "environment",
    [{"SPARSENAS_COMPILED": "0"}, {"CC": "no-such-compiler"}, {"CC": "false"}],
    ids=lambda e: next(iter(e)),
)
def test_without_a_compiler_there_is_no_kernel_and_nothing_is_left_behind(
    environment: dict[str, str], tmp_path: Path
) -> None:
    said = subprocess.run(
        [sys.executable, "-c", _ASK],
        env=os.environ | {"XDG_CACHE_HOME": str(tmp_path)} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "True" and not list(tmp_path.rglob("*.so*"))
