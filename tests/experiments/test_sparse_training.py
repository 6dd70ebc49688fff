"""The reproductions that train sparse networks on MNIST, on a few made images; what they share."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from experiments.report.figures.canvas import render
from experiments.reproduce.cifar10 import small_convnet
from experiments.reproduce.comparison import compared
from experiments.reproduce.comparison_figure import draw
from experiments.reproduce.mnist import everything, lenet
from experiments.reproduce.mnist_pruning import DENSE, SCHEMES, SINGLE, seed_rows
from experiments.reproduce.ntt import CONTRASTS, DENSITY, relocated, starts
from experiments.reproduce.ntt import SETTINGS as NTT_SETTINGS
from experiments.reproduce.ntt import seed_rows as ntt_rows
from experiments.reproduce.random_source import ALLOCATIONS, rows_of, summarised
from experiments.reproduce.random_source_figure import draw as draw_sources
from experiments.reproduce.random_source_searches import SEARCHES, SETTINGS, Search
from experiments.reproduce.resumed import resumed
from nas.seeds import stream
from nas.tasks import Split, Task
from nas.tasks.batches import batches
from nas.tasks.task import normalisation_of
from pruning import Evidence, MaskSet, Sparsity, prune
from pruning.ntt import TransferSettings
from search_spaces import NETWORKS

TOTAL = 266_200


@pytest.fixture(scope="module")
def task() -> Task:
    """Ten classes of noise around a bright row each: 200 images that a network can learn."""
    rng = torch.Generator().manual_seed(0)
    targets = torch.arange(200) % 10
    images = torch.randint(0, 60, (200, 1, 28, 28), generator=rng)
    images[torch.arange(200), 0, 2 * targets] += 150
    split = Split(images.to(torch.uint8), targets)
    signature = NETWORKS["lenet_300_100"].signature
    return Task("made", signature, split, split, split, normalisation_of(split.inputs))


def test_rows_that_were_measured_are_read(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    asked: list[str] = []

    def measure(part: str) -> list[dict[str, Any]]:
        asked.append(part)
        return [{"part": part, "value": 1.5}, {"part": part, "value": None}]

    first = list(resumed(file, ["a", "b"], measure, lambda line: None))
    file.write_text(file.read_text()[:-10])  # killed while it wrote b
    again = list(resumed(file, ["a", "b", "c"], measure, lambda line: None))
    assert asked == ["a", "b", "b", "c"]
    assert again[:4] == first
    assert list(resumed(file, ["b", "a", "c"], measure, lambda line: None)) == again[2:4] + again[:2] + again[4:]
    assert asked == ["a", "b", "b", "c"]


def test_differences_are_paired_and_dense_stands_once() -> None:
    rows = [
        {"seed": seed, "kind": kind, "density": density, "accuracy": base + 0.01 * seed * slope}
        for seed in range(3)
        for kind, density, base, slope in (("dense", 1.0, 0.9, 1), ("a", 0.1, 0.8, 2), ("b", 0.1, 0.7, 1))
    ]
    found = compared(rows, ("density",), "kind", (("a", "dense"), ("a", "b"), ("b", "missing")))
    assert [(e["density"], e["first"], e["second"]) for e in found["differences"]] == [
        (0.1, "a", "dense"),
        (0.1, "a", "b"),
    ]
    assert found["differences"][0]["mean"] == pytest.approx(-0.1 + 0.01)
    assert found["differences"][1]["high"] - found["differences"][1]["mean"] == pytest.approx(4.302653 * 0.01 / 3**0.5)
    assert {e["kind"]: e["mean"] for e in found["means"]} == pytest.approx({"dense": 0.91, "a": 0.82, "b": 0.71})
    assert render(lambda: draw(found["differences"], "made"), "png").startswith(b"\x89PNG")


def test_pruning_rows_have_exact_counts_and_one_dense_network(task: Task) -> None:
    recipe = replace(DENSE, epochs=2, batch_size=50)
    rows = list(seed_rows(0, task, recipe, retrain=2))
    assert {(row["scheme"], row["schedule"]) for row in rows} == {
        ("dense", ""),
        ("dense, trained on", ""),
        *((scheme, schedule) for scheme in SCHEMES for schedule in ("single", "iterative")),
    }
    for row in rows[2:]:
        wanted = SINGLE[0] if row["schedule"] == "iterative" else row["density"]
        assert row["kept"] == round(wanted * TOTAL)
    assert rows[0]["accuracy"] > 0.5
    assert list(seed_rows(0, task, recipe, retrain=2))[:3] == rows[:3]


def test_every_method_starts_with_the_same_layer_counts(task: Task) -> None:
    teacher = lenet(0, initialization="glorot")
    counts = {}
    setting = replace(NTT_SETTINGS["lenet_300_100"], transfer=TransferSettings(steps=4, interval=2))
    for method, masks, values in starts(0, task, teacher, setting, ("alive", "published")):
        counts[method] = masks.counts()
        assert (values is None) == (method not in ("ntt", "ntt, published kernel", "ntt, weights only"))
    assert counts.pop("dense") == everything(teacher).counts()
    assert {name for pair in CONTRASTS for name in pair} == counts.keys() - {"ntt, published kernel, mask only"}
    assert len({tuple(found.items()) for found in counts.values()}) == 1
    sizes = everything(teacher).counts()
    assert all(abs(kept - DENSITY * sizes[name]) <= 1 for name, kept in counts["ntt"].items())


@pytest.mark.parametrize("network", NTT_SETTINGS)
def test_ntt_rows_say_how_near_each_start_is(network: str, task: Task) -> None:
    setting = NTT_SETTINGS[network]
    short = replace(
        setting,
        transfer=replace(setting.transfer, steps=6, interval=2),
        recipe=replace(setting.recipe, epochs=1, batch_size=50),
    )
    rows = {row["method"]: row for row in ntt_rows(0, task, network, short)}
    assert list(rows) == ["dense", "random", "magnitude", "snip", "ntt", "ntt, mask only", "ntt, weights only"]
    assert rows["dense"]["kernel_distance"] == pytest.approx(0.0, abs=1e-6)
    kept = {row["kept"] for method, row in rows.items() if method != "dense"}
    assert len(kept) == 1 and kept.pop() == round(DENSITY * everything(lenet(0, network)).total)
    assert all(0 <= row["accuracy"] <= 1 and row["kernel_distance"] >= 0 for row in rows.values())


def test_relocated_weights_are_the_same_numbers_elsewhere() -> None:
    module = lenet(0)
    evidence = [Evidence((1, 28, 28), stream(seed, "mask")) for seed in (1, 2)]
    one, two = (prune(module, Sparsity("random", 0.1, allocation="uniform"), given) for given in evidence)
    values = {name: parameter.detach() for name, parameter in module.named_parameters()}
    moved = relocated(values, one, two, stream(0, "relocate"))
    for name in one:
        assert not bool(moved[name][~two[name]].any())
        torch.testing.assert_close(moved[name][two[name]].sort().values, values[name][one[name]].sort().values)
    assert torch.equal(moved["fc1.bias"], values["fc1.bias"])


def small(task: Task, batch_size: int = 50, **settings: Any) -> Any:
    setting = SETTINGS["mnist"]
    return replace(
        setting,
        recipe=replace(setting.recipe, batch_size=batch_size),
        scores=replace(setting.scores, batch_size=batch_size),
        **settings,
    )


@pytest.mark.parametrize("method", SEARCHES)
def test_searches_stay_inside_their_source(method: str, task: Task) -> None:
    rows = list(rows_of(small(task, sources=(1.0, 0.06)), 0, method, task))
    dense = [("dense", "")] if method == "lrr" else [("dense", allocation) for allocation in ALLOCATIONS]
    assert [(row["source"], row["allocation"]) for row in rows] == [*dense, *(("0.06", name) for name in ALLOCATIONS)]
    assert {row["kept"] for row in rows} == {round(0.05 * TOTAL)}
    assert {row["outside"] for row in rows} == {0}


def test_only_what_may_be_kept_differs_between_the_sources_of_an_allocation(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start is one mask, it lies in each source, and each source lies in the denser ones."""
    seen: list[tuple[MaskSet, MaskSet]] = []

    def watched(module: Any, source: MaskSet, start: MaskSet, *others: Any) -> tuple[MaskSet, float]:
        seen.append((source, start))
        return start, 0.5

    monkeypatch.setitem(SEARCHES, "rigl", cast(Search, watched))
    list(rows_of(small(task, sources=(1.0, 0.3, 0.06)), 0, "rigl", task))
    for place in range(len(ALLOCATIONS)):
        mine = seen[place :: len(ALLOCATIONS)]
        assert all(start == mine[0][1] for _, start in mine)
        for (wide, _), (narrow, _) in pairwise([*mine, (mine[0][1], mine[0][1])]):
            assert all(not bool((narrow[name] & ~wide[name]).any()) for name in narrow)


def test_levels_of_lrr_are_as_many_as_epochs(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the source's density: a denser source must not buy a longer training."""
    import experiments.reproduce.random_source_searches as searches

    trainings: list[int] = []

    def noted(module: Any, masks: MaskSet, *others: Any) -> float:
        trainings.append(masks.kept)
        return 0.5

    monkeypatch.setattr(searches, "trained", noted)
    sources = (1.0, 0.3, 0.1, 0.06)
    rows = list(rows_of(small(task, sources=sources), 0, "lrr", task))
    assert len(trainings) == SETTINGS["mnist"].epochs * len(rows)
    assert trainings[:3] == [TOTAL, round(TOTAL * 0.05**0.5), round(0.05 * TOTAL)]


def test_each_source_is_compared_with_the_dense_one_of_its_own_method() -> None:
    rows = [
        {"task": "t", "method": method, "allocation": allocation, "source": source, "source_density": density}
        | {"seed": seed, "accuracy": base + level + 0.01 * seed * (1 + (source == "dense"))}
        for seed in range(3)
        for method, base in (("lrr", 0.6), ("rigl", 0.5))
        for source, density, allocation, level in (
            *(("dense", 1.0, name, 0.2) for name in (("",) if method == "lrr" else ("erk", "balanced"))),
            ("0.1", 0.1, "erk", 0.1),
            ("0.1", 0.1, "balanced", 0.0),
        )
    ]
    found = summarised(rows)["differences"]
    assert [(e["method"], e["allocation"], e["first"], e["second"]) for e in found] == [
        (method, allocation, "0.1", "dense") for method in ("lrr", "rigl") for allocation in ("erk", "balanced")
    ]
    assert [e["mean"] for e in found] == pytest.approx([-0.11, -0.21] * 2)
    assert render(lambda: draw_sources(rows), "png").startswith(b"\x89PNG")


def test_the_small_convnet_has_the_weights_it_says() -> None:
    assert everything(small_convnet(0)).total == 33_712
    assert list(small_convnet(0)(torch.zeros(2, 3, 32, 32)).shape) == [2, 10]


def test_an_epoch_of_batches_has_every_image_once(task: Task) -> None:
    following = batches(task, 20, stream(0, "order"))
    for _ in range(2):
        targets = torch.cat([following()[1] for _ in range(10)])
        assert torch.equal(targets.sort().values, task.train.targets.sort().values)


def test_everything_is_kept() -> None:
    masks = everything(lenet(0))
    assert isinstance(masks, MaskSet)
    assert masks.kept == masks.total == TOTAL
