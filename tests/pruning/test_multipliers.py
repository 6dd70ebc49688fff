from __future__ import annotations

import pytest

from pruning import PruningError, Sparsity, prunable, prune
from pruning.methods import RANKED
from pruning.multipliers import factors
from tests.pruning.nets import evidence, make

PATTERN = (("stem.*", 0.5), ("inner.*", 2.0), ("outer.*", 1.5))


@pytest.mark.parametrize("method", sorted(RANKED))
@pytest.mark.parametrize("rounds", [1, 3])
@pytest.mark.parametrize("allocation", ["global", "erk"])
def test_scaling_every_factor_changes_nothing(method: str, rounds: int, allocation: str) -> None:
    module = make("residual")
    everything = (*PATTERN, ("shortcut.*", 1.0), ("head.*", 1.0))
    first, second = (
        prune(
            module,
            Sparsity(method, 0.2, allocation, rounds, tuple((glob, unit * f) for glob, f in everything)),
            evidence("residual"),
        )
        for unit in (1.0, 0.37)
    )
    assert first == second


@pytest.mark.parametrize("method", sorted(RANKED))
@pytest.mark.parametrize("rounds", [1, 3])
def test_equal_factors_are_no_factors(method: str, rounds: int) -> None:
    module = make("residual")
    plain = prune(module, Sparsity(method, 0.2, rounds=rounds), evidence("residual"))
    equal = prune(module, Sparsity(method, 0.2, rounds=rounds, multipliers=(("*", 3.0),)), evidence("residual"))
    assert plain == equal


@pytest.mark.parametrize("allocation", ["global", "uniform", "erk"])
@pytest.mark.parametrize("rounds", [1, 4])
def test_densities_change_in_the_ratio_of_the_factors(allocation: str, rounds: int) -> None:
    module = make("residual")
    base = prune(module, Sparsity("magnitude", 0.2, allocation, rounds), evidence("residual"))
    shaped = prune(module, Sparsity("magnitude", 0.2, allocation, rounds, (("inner.*", 2.0),)), evidence("residual"))
    ratio = {name: int(shaped[name].sum()) / int(base[name].sum()) for name in base}
    free = [name for name in base if not name.startswith("inner") and shaped.layer_densities()[name] < 1]
    assert shaped.kept == base.kept
    for name in free:  # counts are whole, so the ratio is met to within one weight
        slack = 1 / int(base[name].sum()) + 2 / int(base["inner.weight"].sum())
        assert ratio["inner.weight"] / ratio[name] == pytest.approx(2.0, abs=4 * slack)


def test_the_top_weights_of_each_layer_are_kept() -> None:
    module = make("residual")
    masks = prune(module, Sparsity("magnitude", 0.2, multipliers=PATTERN), evidence("residual"))
    for name, weight in prunable(module).items():
        size = weight.detach().abs()
        if not bool(masks[name].all()):
            assert size[masks[name]].min() >= size[~masks[name]].max()


def test_a_factor_beyond_a_full_layer_flows_to_the_others() -> None:
    masks = prune(
        make("residual"), Sparsity("random", 0.5, "uniform", multipliers=(("head.*", 1e6),)), evidence("residual")
    )
    densities = masks.layer_densities()
    assert densities.pop("head.weight") == 1.0
    assert masks.kept == round(0.5 * masks.total)
    assert max(densities.values()) - min(densities.values()) < 0.02


def test_globs_match_parameter_names() -> None:
    names = ["stages.0.conv.weight", "stages.1.conv.weight", "head.weight"]
    assert factors((("stages.0.*", 2.0), ("HEAD*", 5.0))[:1], names) == dict(zip(names, (2.0, 1.0, 1.0), strict=True))


def test_a_glob_that_matches_nothing_is_refused() -> None:
    with pytest.raises(PruningError, match=r"'stage9\.\*', which matches none .*Known: stem.weight, inner.weight"):
        prune(make("residual"), Sparsity("random", 0.5, multipliers=(("stage9.*", 2.0),)), evidence("residual"))


def test_a_name_in_two_globs_is_refused() -> None:
    with pytest.raises(PruningError, match=r"at most one multiplier; got '\*' and 'stem\*' for 'stem.weight'"):
        prune(make("residual"), Sparsity("random", 0.5, multipliers=(("*", 2.0), ("stem*", 1.0))), evidence("residual"))
