"""The reproduction on pruned CNNs: its masks, its protocol and its tables."""

from __future__ import annotations

import gzip
import itertools
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from experiments.errors import ExperimentError
from experiments.reproduce.masks import zoo
from experiments.reproduce.masks.protocol import (
    held_out,
    held_out_intervals,
    noise_ceiling,
    other_seeds,
    scores,
    within,
)
from experiments.reproduce.masks.rows import OWN_FEATURES, published, read_features, write_features
from experiments.reproduce.published import published_file
from nas.seeds import stream
from predictors import feature_names
from pruning import Evidence, Sparsity, prune
from pruning.methods import RANKED
from search_spaces.architecture import Signature


def test_conv6_of_the_table_is_conv6_with_norms() -> None:
    network = zoo.TABLE_NETWORKS["CONV-6"]
    module = network.skeleton(Signature((3, 32, 32), 100))
    assert isinstance(module, nn.Sequential)
    norms = [part for part in module if isinstance(part, (nn.BatchNorm2d, nn.BatchNorm1d))]
    assert len(norms) == 8
    weights = [part.weight for part in module if isinstance(part, (nn.Conv2d, nn.Linear))]
    assert len(weights) == 9 and isinstance(module[-1], nn.Linear)
    assert module.eval()(torch.empty(1, 3, 32, 32, device="meta")).shape == (1, 100)


def test_the_tables_er_is_erk_without_redistribution() -> None:
    """Oracle: min(1, e sum / prod) of each layer, written down for two layers of which one is full."""
    module = nn.Sequential(nn.Linear(100, 50, bias=False), nn.Linear(50, 2, bias=False))
    level = 0.5 * 5100 / (150 + 52)
    assert level * 52 > 100
    density = zoo._unredistributed(module, 0.5)
    assert density == pytest.approx((level * 150 + 100) / 5100)
    masks = prune(module, Sparsity("random", density, "erk"), Evidence((100,), stream(0, "mask")))
    assert masks.counts() == {"0.weight": round(level * 150), "1.weight": 100}


def test_one_run_read_off_on_the_way_keeps_exact_counts_each_within_the_one_before() -> None:
    module = nn.Sequential(nn.Linear(12, 10, bias=False), nn.ReLU(), nn.Linear(10, 4, bias=False))
    scorer = RANKED["synflow"](module, Evidence((12,), stream(0, "mask")))
    masks = list(zoo._nested(module, scorer, [80, 40, 12], 10, ties=0))
    assert [mask.kept for mask in masks] == [80, 40, 12]
    for more, less in itertools.pairwise(masks):
        assert all(bool((more[name] | ~less[name]).all()) for name in less)


@pytest.mark.parametrize(("method", "rounds"), [("synflow", 10), ("snip", 1)])
def test_a_run_to_one_count_is_the_mask_of_prune(method: str, rounds: int) -> None:
    module = nn.Sequential(nn.Linear(12, 10), nn.ReLU(), nn.Linear(10, 4))
    inputs, targets = torch.randn(30, 12, generator=stream(0, "x")), torch.arange(30) % 4
    evidence = Evidence((12,), stream(0, "mask"), inputs, targets)
    expected = prune(module, Sparsity(method, 0.25, rounds=rounds), evidence)
    scorer = RANKED[method](module, Evidence((12,), stream(0, "mask"), inputs, targets))
    (found,) = zoo._nested(module, scorer, [40], rounds, ties=0)
    assert found == expected


def test_a_held_out_group_is_never_fitted() -> None:
    groups = np.array(["a", "b", "a", "c"])
    seen = []

    def spy(train: np.ndarray, test: np.ndarray) -> np.ndarray:
        seen.append((set(groups[train]), set(groups[test])))
        return test / 10

    np.testing.assert_allclose(held_out(spy, groups), [0, 0.1, 0.2, 0.3])
    assert len(seen) == 3 and all(not (train & test) for train, test in seen)


def test_intervals_of_exchangeable_groups_cover_what_they_say() -> None:
    """30 groups with an offset each; 90 % asked for, at least 80 % guaranteed; seeded."""
    rng = np.random.default_rng(0)
    groups = np.repeat([f"g{i:02d}" for i in range(30)], 6)
    y = 0.5 + np.repeat(rng.normal(0, 0.05, 30), 6) + rng.normal(0, 0.01, 180)
    lower, upper = held_out_intervals(lambda train, test: np.full(len(test), y[train].mean()), y, groups)
    coverage = ((lower <= y) & (y <= upper)).mean()
    assert 0.8 <= coverage <= 1
    assert (upper - lower).mean() < 0.3


def test_ranks_within_settings_are_scipys() -> None:
    rng = np.random.default_rng(1)
    y, p = rng.normal(size=24), rng.normal(size=24)
    settings, methods = np.repeat(["s0", "s1"], 12), np.tile(np.repeat(["a", "b", "c"], 4), 2)
    expected = [stats.spearmanr(y[:12], p[:12]).statistic, stats.spearmanr(y[12:], p[12:]).statistic]
    np.testing.assert_allclose(within(y, p, settings), expected)
    assert scores(y, p, settings, methods).cell == pytest.approx(np.mean(expected))
    assert scores(y, y, settings, methods).cell_of_means == pytest.approx(1)


def test_the_noise_ceiling_falls_with_the_noise() -> None:
    rng = np.random.default_rng(2)
    settings, methods = np.repeat([f"s{i}" for i in range(10)], 18), np.tile(np.repeat(list("abcdef"), 3), 10)
    true = np.tile(np.repeat(np.linspace(0, 0.05, 6), 3), 10)
    still = noise_ceiling(true, settings, methods, np.random.default_rng(0))
    assert still == pytest.approx(1, abs=0.02)  # rounding breaks ties between equal runs
    noisy = true + rng.normal(0, 0.02, len(true))
    ceiling = noise_ceiling(noisy, settings, methods, np.random.default_rng(0))
    known = within(noisy, true, settings).mean()  # what the truth itself reaches on these very runs
    assert ceiling == pytest.approx(known, abs=0.08) and ceiling < 0.9
    np.testing.assert_allclose(
        other_seeds(np.array([1.0, 2, 6, 5]), np.array(["s"] * 4), np.array(list("aaab"))), [4, 3.5, 1.5, 5]
    )


def test_features_are_written_and_read_back_as_means_over_seeds(tmp_path: Path) -> None:
    module = nn.Linear(2, 2)
    masks = prune(module, Sparsity("random", 0.5), Evidence((2,), stream(0, "mask")))
    rows = [
        (zoo.Masked("CIFAR-10", "net", "er", 0.6, seed, module, masks), dict.fromkeys(feature_names(), float(seed)))
        for seed in range(3)
    ]
    file = tmp_path / "features.csv.gz"
    assert write_features(file, rows) == 3
    found, names = read_features(file)
    assert names == list(feature_names())
    np.testing.assert_allclose(found["CIFAR-10", "net", "er", 0.6], np.ones(len(names)))


def test_each_refusal_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "sparse_masks.csv"
    table.write_text("accuracy,pruning,sparsity,model,dataset,seed,nodes\n0.9,er,0.6,unknown,CIFAR-10,0,5\n")
    with pytest.raises(ExperimentError, match=r"must hold runs of the static methods on CIFAR-100; got none"):
        published(table, "CIFAR-100")
    broken = tmp_path / "features.csv.gz"
    broken.write_bytes(b"no gzip")
    with pytest.raises(ExperimentError, match=r"our features must be a gzipped CSV file; got"):
        published(table, "CIFAR-10", broken)
    broken.write_bytes(gzip.compress(b"dataset,model,method,sparsity,seed,version,size/x\nCIFAR-10,n,er,0.6,0,2,1.0\n"))
    with pytest.raises(ExperimentError, match=r"our features must cover a network of the table on CIFAR-10; got none"):
        published(table, "CIFAR-10", broken)
    monkeypatch.delenv("SPARSENAS_DATA", raising=False)
    with pytest.raises(ExperimentError, match=r"must have the published table sparse_masks/x.csv; got no data folder"):
        published_file("sparse_masks", "x.csv")
    monkeypatch.setenv("SPARSENAS_DATA", str(tmp_path))
    with pytest.raises(ExperimentError, match=r"the data folder must hold sparse_masks/x.csv; got none"):
        published_file("sparse_masks", "x.csv")


def test_the_projects_own_features_are_of_this_version_and_cover_the_published_table() -> None:
    """All four networks on CIFAR-10; on CIFAR-100 at least those whose masks are made, the others named."""
    found, names = read_features(OWN_FEATURES)
    assert names == list(feature_names())
    cells = len(zoo.TABLE_NETWORKS) * len(zoo.METHODS) * len(zoo.SPARSITIES)
    assert len([cell for cell in found if cell[0] == "CIFAR-10"]) == cells
    table = Path(os.environ.get("SPARSENAS_DATA", "nowhere")) / "sparse_masks" / "sparse_masks.csv"
    if table.is_file():
        assert len(published(table, "CIFAR-10").cells) == 357
        runs = published(table, "CIFAR-100")
        assert len(runs.cells) == 360 - 90 * len(runs.left_out)


def test_a_network_without_all_its_masks_is_left_out_and_named(tmp_path: Path) -> None:
    table, features = tmp_path / "table.csv", tmp_path / "features.csv.gz"
    lines = [f"0.9,er,0.6,{model},CIFAR-10,0,5" for model in ("one", "two")]
    table.write_text("\n".join(["accuracy,pruning,sparsity,model,dataset,seed,nodes", *lines]))
    features.write_bytes(
        gzip.compress(b"dataset,model,method,sparsity,seed,version,size/x\nCIFAR-10,one,er,0.6,0,2,1.0\n")
    )
    runs = published(table, "CIFAR-10", features)
    assert [cell[1] for cell in runs.cells] == ["one"] and list(runs.left_out) == ["two"]
