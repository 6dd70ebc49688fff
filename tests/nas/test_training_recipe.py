"""Recipes refuse bad values; the schedule has the shape it promises."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from nas.errors import NasError
from nas.tasks import TASKS
from nas.training.optimizers import make_optimizer
from nas.training.recipe import Recipe, Schedule
from nas.training.recipes import RECIPES, recipe_for
from nas.training.schedule import rate_share


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("epochs", 0, "epochs must be a whole number, at least 1; got 0"),
        ("epochs", 1.5, "epochs must be a whole number, at least 1; got 1.5"),
        ("batch_size", True, "batch_size must be a whole number, at least 1; got True"),
        ("crop_pad", -1, "crop_pad must be a whole number, at least 0; got -1"),
        ("evaluate_every", -1, "evaluate_every must be a whole number, at least 0; got -1"),
        ("learning_rate", 0.0, "learning_rate must be in (0, finite); got 0.0"),
        ("learning_rate", math.nan, "learning_rate must be in (0, finite); got nan"),
        ("momentum", 1.0, "momentum must be in [0, 1); got 1.0"),
        ("weight_decay", -1e-4, "weight_decay must be in [0, finite); got -0.0001"),
        ("weight_decay", math.inf, "weight_decay must be in [0, finite); got inf"),
        ("label_smoothing", 1.0, "label_smoothing must be in [0, 1); got 1.0"),
        ("warmup", 1.0, "warmup must be in [0, 1); got 1.0"),
        ("optimizer", "sdg", "optimizer must be one of sgd, adamw; got 'sdg'"),
        ("precision", "fp16", "precision must be one of auto, float32, bfloat16; got 'fp16'"),
        ("schedule", "step", "schedule must be one of linear, cosine; got 'step'"),
    ],
)
def test_a_bad_value_is_named(field: str, value: object, message: str) -> None:
    with pytest.raises(NasError) as error:
        Recipe(**{"epochs": 1, field: value})  # type: ignore[arg-type]
    assert message in str(error.value)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@pytest.mark.parametrize("warmup", [0.0, 0.2, 0.5])
@pytest.mark.parametrize("steps", [1, 2, 7, 1000])
def test_rate_rises_once_falls_once_and_stays_in_range(schedule: Schedule, warmup: float, steps: int) -> None:
    shares = [rate_share(step, steps, warmup, schedule) for step in range(steps)]
    assert all(0 < share <= 1 for share in shares)
    peak = shares.index(max(shares))
    assert shares[: peak + 1] == sorted(shares[: peak + 1])
    assert shares[peak:] == sorted(shares[peak:], reverse=True)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_mean_rate_is_half_the_peak_and_the_end_is_near_zero(schedule: Schedule) -> None:
    """Triangle and cosine arch both have area 1/2 under them, warm-up included."""
    shares = [rate_share(step, 1000, 0.2, schedule) for step in range(1000)]
    assert sum(shares) / 1000 == pytest.approx(0.5, abs=1e-3)
    assert max(shares) == pytest.approx(1, abs=5e-3)
    assert shares[0] < 0.01
    assert shares[-1] < 0.001


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_only_weights_decay(name: str) -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))
    optimizer = make_optimizer(module, Recipe(1, optimizer=name, weight_decay=0.3))  # type: ignore[arg-type]
    decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    expected = {id(p): 0.3 if key in ("0.weight", "3.weight") else 0.0 for key, p in module.named_parameters()}
    assert decay == expected


def test_frozen_parameters_and_a_network_without_biases_are_fine() -> None:
    module = nn.Linear(3, 2, bias=False)
    assert len(make_optimizer(module, Recipe(1)).param_groups) == 1
    frozen = nn.Linear(3, 2)
    frozen.weight.requires_grad_(False)
    (group,) = make_optimizer(frozen, Recipe(1)).param_groups
    assert group["params"] == [frozen.bias]


def test_one_sgd_step_is_nesterov_with_coupled_decay() -> None:
    """By hand: g' = g + decay w; v = g'; w -= rate (g' + momentum v)."""
    module = nn.Linear(2, 1, bias=False)
    before = module.weight.detach().clone()
    recipe = Recipe(1, learning_rate=0.1, momentum=0.9, weight_decay=0.01)
    optimizer = make_optimizer(module, recipe)
    module.weight.grad = torch.tensor([[1.0, -2.0]])
    optimizer.step()
    total = torch.tensor([[1.0, -2.0]]) + 0.01 * before
    assert torch.allclose(module.weight, before - 0.1 * 1.9 * total, atol=1e-7)


def test_every_task_has_recipes_and_settings_replace_their_own() -> None:
    assert RECIPES.keys() == TASKS.keys()
    assert recipe_for("digits") == RECIPES["digits"].search
    final = recipe_for("cifar10", "final", epochs=3, batch_size=7)
    assert (final.epochs, final.batch_size) == (3, 7)
    assert final.learning_rate == RECIPES["cifar10"].final.learning_rate
    with pytest.raises(NasError, match=r"unknown task 'cifar100'; did you mean 'cifar10'\?"):
        recipe_for("cifar100")
    with pytest.raises(NasError, match="epochs must be a whole number"):
        recipe_for("digits", epochs=0)
