from __future__ import annotations

import copy
import pickle

import pytest
import torch

from pruning import MaskSet, PruningError, check_masks, prunable
from tests.pruning.nets import make


def two() -> dict[str, torch.Tensor]:
    return {"b": torch.tensor([[True, False], [True, True]]), "a": torch.tensor([False, False, True])}


def test_counts_and_densities() -> None:
    masks = MaskSet(two(), {"method": "random"})
    assert (masks.kept, masks.total, masks.density) == (4, 7, 4 / 7)
    assert masks.layer_densities() == {"b": 0.75, "a": 1 / 3}
    assert list(masks) == ["b", "a"]
    assert masks.metadata == {"method": "random"}
    assert repr(masks) == "MaskSet(4 of 7 weights kept in 2 layers, density 0.5714)"


def test_nothing_given_or_returned_is_shared() -> None:
    given = two()
    masks = MaskSet(given)
    digest = masks.digest()
    given["a"][0] = True
    masks["a"][0] = True
    with pytest.raises(TypeError):
        masks["a"] = given["a"]  # type: ignore[index]
    with pytest.raises(TypeError):
        masks.metadata["x"] = "y"  # type: ignore[index]
    assert MaskSet(two()).digest() == MaskSet(masks).digest() == digest


def test_equality_is_of_names_shapes_and_bits() -> None:
    masks = MaskSet(two(), {"method": "random"})
    same = MaskSet(dict(reversed(two().items())))
    assert masks == same and masks.equal(same) and hash(masks) == hash(same)
    flipped, renamed, reshaped = two(), two(), two()
    flipped["a"][0] = True
    renamed["c"] = renamed.pop("a")
    reshaped["b"] = reshaped["b"].view(4)
    for other in (flipped, renamed, reshaped):
        assert masks != MaskSet(other)
        assert masks.digest() != MaskSet(other).digest()
    assert masks != "masks"


def test_strides_do_not_matter() -> None:
    mask = torch.rand(4, 3, 2, 2) < 0.5
    assert MaskSet({"a": mask.to(memory_format=torch.channels_last)}).digest() == MaskSet({"a": mask}).digest()


def test_copies_and_pickles_are_equal() -> None:
    masks = MaskSet(two(), {"method": "random"})
    for other in (copy.deepcopy(masks), pickle.loads(pickle.dumps(masks))):
        assert other == masks
        assert other.metadata == masks.metadata


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ({}, "must hold at least one mask; got none"),
        ({"a": torch.ones(2)}, r"a mask must be bool; got torch.float32 \('a'\)"),
        ({"a": torch.ones(0, dtype=torch.bool)}, r"a mask must have entries; got shape \(0,\) \('a'\)"),
    ],
)
def test_what_is_not_a_mask_is_refused(masks: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(PruningError, match=message):
        MaskSet(masks)


def test_check_masks_names_the_parameter() -> None:
    module = make("plain")
    right = {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in prunable(module).items()}
    check_masks(module, right)
    missing, extra, wrong = dict(right), dict(right), dict(right)
    del missing["4.weight"]
    extra["1.weight"] = torch.ones(6, dtype=torch.bool)
    wrong["10.weight"] = torch.ones(10, 4, dtype=torch.bool)
    with pytest.raises(PruningError, match=r"must have a mask; got none for '4.weight'"):
        check_masks(module, missing)
    with pytest.raises(PruningError, match=r"must belong to a prunable weight; got '1.weight'"):
        check_masks(module, extra)
    with pytest.raises(PruningError, match=r"weight's shape \(4, 10\); got \(10, 4\) \('10.weight'\)"):
        check_masks(module, wrong)
