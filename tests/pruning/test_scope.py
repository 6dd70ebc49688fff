"""Which layers are pruned and how many weights they keep: globs, given densities, another mask's, dice, none."""

from __future__ import annotations

import json
import math
import warnings
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from pruning import METHODS, MaskSet, PruningError, PruningWarning, Sparsity, prunable, prune
from pruning.methods import CHOSEN, RANKED, RETURNING
from tests.pruning.nets import evidence, make

every_method = pytest.mark.parametrize("method", sorted(RANKED))


def pruned(net: str = "residual", seed: int = 0, **values: Any) -> MaskSet:
    return prune(make(net), Sparsity(**{"method": "magnitude", "density": 0.2, **values}), evidence(net, seed))


def size_of(net: str, *names: str) -> int:
    return sum(weight.numel() for name, weight in prunable(make(net)).items() if not names or name in names)


@every_method
@pytest.mark.parametrize("allocation", ["global", "erk"])
@pytest.mark.parametrize("rounds", [1, 3])
def test_excluded_layers_are_dense_and_outside_the_count(method: str, allocation: str, rounds: int) -> None:
    masks = pruned(method=method, allocation=allocation, rounds=rounds, exclude=("stem.*", "head.*"))
    dense = size_of("residual", "stem.weight", "head.weight")
    assert bool(masks["stem.weight"].all()) and bool(masks["head.weight"].all())
    assert masks.kept - dense == round(0.2 * (masks.total - dense))
    assert json.loads(masks.metadata["exclude"]) == ["stem.*", "head.*"]


@pytest.mark.parametrize(
    ("ends", "dense"),
    [("first_dense", {"stem"}), ("last_dense", {"head"}), ("all_dense", {"stem", "head"}), ("pruned", set())],
)
def test_first_and_last_layer_by_policy(ends: str, dense: set[str]) -> None:
    masks = pruned(ends=ends, exclude=("inner.*",))
    kept_whole = {name.split(".")[0] for name, density in masks.layer_densities().items() if density == 1}
    assert kept_whole == dense | {"inner"}
    own = [mask for name, mask in masks.items() if name.split(".")[0] not in kept_whole]
    assert sum(int(mask.sum()) for mask in own) == round(0.2 * sum(mask.numel() for mask in own))


def test_included_layers_are_the_only_ones_pruned() -> None:
    masks = pruned(include=("inner.*", "outer.*"), exclude=("out*",))
    assert {name for name, density in masks.layer_densities().items() if density < 1} == {"inner.weight"}
    assert int(masks["inner.weight"].sum()) == round(0.2 * size_of("residual", "inner.weight"))


def test_a_global_ranking_ignores_excluded_layers() -> None:
    masks = pruned(exclude=("outer.*",))
    weights = {n: w.detach().abs() for n, w in prunable(make("residual")).items() if n != "outer.weight"}
    kept = torch.cat([weight[masks[name]] for name, weight in weights.items()])
    removed = torch.cat([weight[~masks[name]] for name, weight in weights.items()])
    assert kept.min() > removed.max()


@every_method
@pytest.mark.parametrize("allocation", ["global", "erk"])
@pytest.mark.parametrize("rounds", [1, 3])
def test_given_densities_are_met_and_the_rest_shares_the_rest(method: str, allocation: str, rounds: int) -> None:
    masks = pruned(method=method, allocation=allocation, rounds=rounds, densities=(("head.*", 1.0), ("inner.*", 0.1)))
    assert masks.layer_densities()["head.weight"] == 1.0
    assert int(masks["inner.weight"].sum()) == round(0.1 * size_of("residual", "inner.weight"))
    assert masks.kept == round(0.2 * masks.total)
    assert not masks.empty_layers()


def test_layers_without_a_given_density_are_ranked_against_each_other() -> None:
    masks = pruned(densities=(("head.*", 1.0), ("inner.*", 0.1)), rounds=3)
    weights = {n: w.detach().abs() for n, w in prunable(make("residual")).items()}
    free = ("stem.weight", "outer.weight", "shortcut.weight")
    kept = torch.cat([weights[name][masks[name]] for name in free])
    removed = torch.cat([weights[name][~masks[name]] for name in free])
    assert kept.min() > removed.max()
    assert weights["inner.weight"][masks["inner.weight"]].min() > weights["inner.weight"][~masks["inner.weight"]].max()


def test_densities_of_every_layer_must_add_up() -> None:
    uneven = (("stem.*", 0.5), ("inner.*", 0.25), ("outer.*", 0.1), ("shortcut.*", 0.7), ("head.*", 1.0))
    sizes = {name.split(".")[0]: weight.numel() for name, weight in prunable(make("residual")).items()}
    share = sum(density * sizes[glob.split(".")[0]] for glob, density in uneven) / sum(sizes.values())
    with pytest.raises(PruningError, match=r"must add up to the .* weights .*; got .* Set the density to") as info:
        pruned(densities=uneven)
    assert float(str(info.value).split()[-1].rstrip(".")) == pytest.approx(share, rel=1e-8)
    masks = pruned(densities=uneven, density=share)
    assert masks.kept == round(share * masks.total)
    for glob, density in uneven:
        name = glob.replace("*", "weight")
        assert abs(int(masks[name].sum()) - density * prunable(make("residual"))[name].numel()) < 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"densities": (("*", 1.0),), "density": 0.2}, "densities given for every layer must add up to the"),
        (
            {"densities": (("inner.*", 1.0), ("outer.*", 1.0)), "density": 0.3},
            "must leave 3\\.\\.242 of 375 .* to the other 3 la",
        ),
        ({"densities": (("stem.*", 0.01),), "density": 0.999}, "the given densities must leave"),
        ({"densities": (("s*", 0.5), ("stem.*", 0.1))}, "at most one density; got 's\\*' and 'stem.\\*' for 'stem.w"),
        ({"densities": (("nope", 0.5),)}, "a glob of density must match a parameter that is pruned; got 'nope'"),
        ({"densities": (("stem.*", 1.5),)}, "density must be in \\(0, 1\\]; got 1.5 \\('stem.\\*' in sparsity.densit"),
        ({"include": ("nope",)}, "a glob of include must match .* got 'nope', which matches none \\(sparsity.include"),
        ({"exclude": ("nope",)}, "a glob of exclude must match .* got 'nope', which matches none \\(sparsity.exclude"),
        ({"include": ("stem.*",), "exclude": ("stem.*",)}, "at least one layer must be pruned; got none"),
        ({"exclude": ("head.*",), "multipliers": (("head.*", 2.0),)}, "a glob of multiplier must match a parameter th"),
        ({"exclude": "head.*"}, "exclude must be a list of globs; got the text 'head.\\*' \\(sparsity.exclude\\)"),
        ({"include": ("stem.*",), "ends": "first_dense"}, "at least one layer must be pruned; .*ends 'first_dense'"),
        ({"ends": "dense"}, "unknown policy of first and last layer 'dense'"),
        ({"schedule": "exponental"}, "unknown schedule 'exponental'; did you mean 'exponential'"),
        ({"sampling": "dice"}, "unknown sampling 'dice'; known: bernoulli, exact"),
        ({"sampling": "bernoulli"}, "Bernoulli sampling must be of method 'random' in one round; got 'magnitude'"),
        ({"like": Sparsity("snip", 0.2), "allocation": "erk"}, "must have their counts from one source; got alloc"),
    ],
)
def test_rules(values: dict[str, Any], message: str) -> None:
    with pytest.raises(PruningError, match=message):
        pruned(**values)


@pytest.mark.parametrize("guide", ["snip", "synflow", "grasp"])
def test_densities_of_another_mask(guide: str) -> None:
    like = Sparsity(guide, 0.2, rounds=3)
    random = pruned(method="random", like=like)
    given = evidence("residual")
    leader = prune(make("residual"), like, given)
    assert random.counts() == leader.counts()
    assert random != leader
    again = prune(make("residual"), Sparsity("random", 0.1, like=like), evidence("residual"))
    assert again.kept == round(0.1 * again.total)  # in proportion, to another total
    halved = {name: max(1.0, count / 2) for name, count in leader.counts().items()}
    assert all(abs(count - halved[name]) < 2 for name, count in again.counts().items())
    assert json.loads(random.metadata["like"])["method"] == guide


def test_bernoulli_masks_have_the_mean_and_spread_of_independent_dice() -> None:
    # 400 draws of one layer of 36 at 0.25: mean 9, variance 6.75. Five standard errors of the mean are 0.65, and
    # the variance's relative error is sqrt(2 / 399) = 0.07; the seed is fixed.
    module, generator = nn.Linear(6, 6, bias=False), torch.Generator().manual_seed(4)
    given = evidence("tied")
    object.__setattr__(given, "generator", generator)
    counts = torch.tensor(
        [prune(module, Sparsity("random", 0.25, sampling="bernoulli"), given).kept for _ in range(400)]
    )
    assert float(counts.double().mean()) == pytest.approx(9, abs=0.65)
    assert float(counts.double().var()) == pytest.approx(6.75, rel=0.35)


@pytest.mark.parametrize("allocation", ["global", "erk", "balanced"])
def test_bernoulli_densities_follow_the_allocation(allocation: str) -> None:
    exact = pruned(method="random", allocation="uniform" if allocation == "global" else allocation)
    diced = [pruned(method="random", allocation=allocation, sampling="bernoulli", seed=seed) for seed in range(40)]
    assert len({masks.kept for masks in diced}) > 5
    for name, count in exact.counts().items():
        size = exact[name].numel()
        mean = sum(masks.counts()[name] for masks in diced) / len(diced)
        assert abs(mean - count) <= 5 * math.sqrt(count * (1 - count / size) / len(diced)) + 1e-9


def outshone() -> nn.Module:
    module = nn.Sequential(nn.Linear(6, 20, bias=False), nn.Linear(20, 4, bias=False))
    with torch.no_grad():
        prunable(module)["1.weight"].mul_(1e-6)
    return module


@pytest.mark.parametrize("rounds", [1, 3])
def test_an_empty_layer_is_left_empty_if_asked_and_reported(rounds: int) -> None:
    with pytest.warns(PruningWarning, match="a layer should keep a weight; got none in 1.weight"):
        masks = prune(outshone(), Sparsity("magnitude", 0.3, rounds=rounds, allow_empty=True), evidence("tied"))
    assert masks.kept == round(0.3 * masks.total)
    assert masks.empty_layers() == json.loads(masks.metadata["empty_layers"]) == ["1.weight"]
    assert "collapsed_layers" not in masks.metadata


def test_a_collapsed_layer_is_reported() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        masks = prune(outshone(), Sparsity("magnitude", 0.3), evidence("tied"))
    assert masks.collapsed_layers() == json.loads(masks.metadata["collapsed_layers"]) == ["1.weight"]
    assert "empty_layers" not in masks.metadata


def test_fewer_weights_than_layers() -> None:
    with pytest.warns(PruningWarning, match="got none in"):
        masks = prune(make("attention"), Sparsity("random", 1 / 520, allow_empty=True), evidence("attention"))
    assert masks.kept == 1
    assert len(masks.empty_layers()) == len(masks) - 1
    with pytest.raises(PruningError, match=r"density must keep at least one weight; got 0\.0001"):
        prune(make("attention"), Sparsity("random", 0.0001, allow_empty=True), evidence("attention"))
    with pytest.raises(PruningError, match=r"the number of kept weights must be in 6\.\.520"):  # counts beforehand
        prune(make("attention"), Sparsity("random", 1 / 520, "erk", allow_empty=True), evidence("attention"))


def test_dice_may_leave_a_layer_empty_only_if_asked() -> None:
    module = nn.Sequential(nn.Linear(30, 30), nn.Linear(30, 1))
    asked = Sparsity("random", 0.035, "uniform", sampling="bernoulli", allow_empty=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PruningWarning)
        free = [prune(module, asked, evidence("tied", seed)) for seed in range(20)]
    bound = [prune(module, replace(asked, allow_empty=False), evidence("tied", seed)) for seed in range(20)]
    assert any(masks.empty_layers() for masks in free)  # one expected of 30: empty with probability 0.36
    assert not any(masks.empty_layers() for masks in bound)


def test_multipliers_leave_empty_layers_empty() -> None:
    sparsity = Sparsity("magnitude", 0.3, multipliers=(("0.*", 2.0),), allow_empty=True)
    with pytest.warns(PruningWarning):
        masks = prune(outshone(), sparsity, evidence("tied"))
    assert masks.counts() == {"0.weight": 60, "1.weight": 0}


def test_settings_are_json_and_come_back() -> None:
    plain = Sparsity("snip", 0.5, "erk", 3, (("a*", 2.0),))
    assert plain.settings() == {
        "method": "snip",
        "density": 0.5,
        "allocation": "erk",
        "rounds": 3,
        "multipliers": [["a*", 2.0]],
    }
    full = Sparsity(
        "random",
        0.1,
        multipliers=(("a*", 2.0),),
        schedule="linear",
        include=("b*",),
        exclude=("c*", "d*"),
        ends="last_dense",
        densities=(("e", 0.5),),
        like=plain,
        sampling="bernoulli",
        allow_empty=True,
    )
    assert Sparsity(**json.loads(json.dumps(full.settings()))) == full
    assert hash(Sparsity(**json.loads(json.dumps(full.settings())))) == hash(full)


def test_the_tables_of_methods_agree() -> None:
    assert set(RANKED) | set(CHOSEN) == set(METHODS)
    assert {"force"} == RETURNING  # the others never bring a weight back
