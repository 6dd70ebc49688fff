"""A compacted network survives its files; files that do not fit are refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from nas.candidates import Candidate
from nas.compacted import Origin, load_compacted, save_compacted
from nas.errors import NasError
from nas.realize import build
from pruning import Evidence, PruningError, Sparsity, prune
from pruning.compaction import Compaction, compact
from search_spaces import NETWORKS, SPACES, Architecture, Signature

SIGNATURE = Signature((1, 8, 8), 10)


@pytest.fixture
def candidate() -> Candidate:
    space = SPACES["mlp"]
    values = {"layers": 2, "activation": "relu", "norm": "batch", "layer1.width": 32, "layer2.width": 16}
    genes = tuple(c.values.index(values[c.name]) if c.name in values else 0 for c in space.choices)

    return Candidate(Architecture("mlp", genes), Sparsity("random", 0.03), seed=3)


def small(module: nn.Module, shape: tuple[int, ...]) -> Compaction:
    masks = prune(module, Sparsity("random", 0.03), Evidence(shape, torch.Generator().manual_seed(0)))
    return compact(module, masks, shape)


def saved(candidate: Candidate, folder: Path) -> Compaction:
    found = small(build(candidate, SIGNATURE), SIGNATURE.input_shape)
    save_compacted(folder, found, Origin(SIGNATURE, None, candidate, [0.5], [0.25]))
    return found


def test_a_candidate_comes_back(candidate: Candidate, tmp_path: Path) -> None:
    found = saved(candidate, tmp_path / "new")
    read = load_compacted(tmp_path / "new")
    inputs = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    assert torch.equal(read.module(inputs), found.module(inputs)) and not read.module.training
    assert read.masks == found.masks and read.masks.total < 64 * 32 + 32 * 16 + 16 * 10
    assert (read.origin.candidate, read.origin.mean, read.origin.signature) == (candidate, [0.5], SIGNATURE)


def test_a_named_network_comes_back(tmp_path: Path) -> None:
    network = NETWORKS["lenet_300_100"]
    found = small(network.build(SIGNATURE, torch.Generator().manual_seed(0)), SIGNATURE.input_shape)
    save_compacted(tmp_path, found, Origin(SIGNATURE, network.name))
    inputs = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    assert torch.equal(load_compacted(tmp_path).module(inputs), found.module(inputs))


def test_files_that_do_not_fit_are_refused(candidate: Candidate, tmp_path: Path) -> None:
    with pytest.raises(NasError, match=r"must hold compact.json; got 'No such file"):
        load_compacted(tmp_path)
    saved(candidate, tmp_path)
    file = tmp_path / "compact.json"
    whole = json.loads(file.read_text())
    for change, words in (
        ({"format": "other"}, "must be of format 'sparsenas/compact/1'"),
        ({"plan": {"layers": {}}}, "a plan must list the kept units"),
        ({"plan": {"layers": {}, "norms": {}}}, "weights must fit the architecture"),
        ({"candidate": None, "network": "lenet_300"}, "unknown network 'lenet_300'; did you mean"),
    ):
        file.write_text(json.dumps(whole | change))
        with pytest.raises((NasError, PruningError), match=words):
            load_compacted(tmp_path)
    file.write_text(json.dumps(whole)[:-9])
    with pytest.raises(NasError, match="JSONDecodeError"):
        load_compacted(tmp_path)
