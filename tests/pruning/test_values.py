"""Sparsity, Evidence and names: every rule's message."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch

from pruning import METHODS, Evidence, PruningError, Sparsity
from pruning.naming import unknown


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"method": "snpi"}, "unknown pruning method 'snpi'; did you mean 'snip'? known: magnitude, "),
        ({"method": "zzz"}, "unknown pruning method 'zzz'; known: magnitude,"),
        ({"allocation": "ekr"}, "unknown allocation 'ekr'; did you mean 'erk'? known: erk, global, uniform"),
        ({"density": 0.0}, "density must be in (0, 1]; got 0.0 (sparsity.density). Give the fraction"),
        ({"density": 1.5}, "density must be in (0, 1]; got 1.5"),
        ({"density": float("nan")}, "density must be in (0, 1]; got nan"),
        ({"rounds": 0}, "rounds must be a whole number >= 1; got 0 (sparsity.rounds)"),
        ({"rounds": 2.5}, "rounds must be a whole number >= 1; got 2.5"),
        ({"rounds": True}, "rounds must be a whole number >= 1; got True"),
        ({"multipliers": (("a*", 0.0),)}, "a multiplier must be positive, in 1e-09..1e+09; got 0.0 for 'a*'"),
        ({"multipliers": (("a*", float("inf")),)}, "got inf for 'a*'"),
        ({"multipliers": (("a*", float("nan")),)}, "got nan for 'a*'"),
    ],
)
def test_sparsity_rules(values: dict[str, Any], message: str) -> None:
    with pytest.raises(PruningError) as info:
        Sparsity(**{"method": "random", "density": 0.5, **values})
    assert message in str(info.value)


def test_sparsity_is_a_value() -> None:
    read = Sparsity("snip", 0.5, multipliers=[["a*", 2]])  # type: ignore[arg-type]
    assert read == Sparsity("snip", 0.5, multipliers=(("a*", 2.0),))
    assert hash(read) == hash(Sparsity("snip", 0.5, "global", 1, (("a*", 2.0),)))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"input_shape": ()}, "input_shape must hold positive sizes; got ()"),
        ({"input_shape": (3, 0)}, "input_shape must hold positive sizes; got (3, 0)"),
        ({"inputs": torch.ones(2, 4)}, "inputs must be a floating-point batch of shape (n >= 1, 3)"),
        ({"inputs": torch.ones(0, 3)}, "got (0, 3) torch.float32 (evidence.inputs)"),
        ({"inputs": torch.ones(2, 3, dtype=torch.uint8)}, "got (2, 3) torch.uint8 (evidence.inputs)"),
        ({"targets": torch.zeros(3, dtype=torch.int64)}, "class indices of shape (2,), one for each input; got (3,)"),
        ({"targets": torch.zeros(2)}, "got (2,) torch.float32 (evidence.targets)"),
    ],
)
def test_evidence_rules(values: dict[str, Any], message: str) -> None:
    given = {"input_shape": (3,), "generator": torch.Generator(), "inputs": torch.ones(2, 3), **values}
    with pytest.raises(PruningError) as info:
        Evidence(**given)
    assert message in str(info.value)


def test_a_method_is_a_file_with_one_function_of_its_name() -> None:
    for name, method in METHODS.items():
        assert method.__name__ == name
        assert method.__module__ == f"pruning.methods.{name}"
        assert "Source:" in (method.__doc__ or "") or name == "random"


def test_unknown_names_the_nearest() -> None:
    assert unknown("task", "CIFAR10", ["digits", "cifar10"]) == (
        "unknown task 'CIFAR10'; did you mean 'cifar10'? known: cifar10, digits"
    )


def test_importing_the_package_costs_only_torch() -> None:
    code = (
        "import sys, torch; before = set(sys.modules); import pruning; "
        "print(sorted({name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['pruning', 'torch']" or done.stdout.strip() == "['pruning']"
