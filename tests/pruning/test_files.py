from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from pruning import MaskSet, PruningError, Sparsity, load_masks, prune, save_masks
from tests.pruning.nets import evidence, make


@pytest.fixture
def masks() -> MaskSet:
    return prune(make("separable"), Sparsity("synflow", 0.2, "erk", 3, (("0.*", 2.0),)), evidence("separable"))


def test_round_trip_keeps_masks_order_and_metadata(masks: MaskSet, tmp_path: Path) -> None:
    save_masks(masks, tmp_path / "m.safetensors", {"architecture": "0123abcd"})
    loaded = load_masks(tmp_path / "m.safetensors")
    assert loaded == masks
    assert list(loaded) == list(masks)
    assert dict(loaded.metadata) == {**masks.metadata, "architecture": "0123abcd"}
    assert {"method", "density", "allocation", "rounds", "multipliers", "generator"} <= set(loaded.metadata)
    assert json.loads(loaded.metadata["multipliers"]) == [["0.*", 2.0]]
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors"]


def test_equal_masks_are_equal_bytes(masks: MaskSet, tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_masks(masks, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_plain_safetensors_file_of_bools_is_read(tmp_path: Path) -> None:
    save_file({"w": torch.tensor([True, False])}, tmp_path / "m")
    assert load_masks(str(tmp_path / "m"))["w"].tolist() == [True, False]


def test_a_loaded_file_may_be_overwritten(masks: MaskSet, tmp_path: Path) -> None:
    path = tmp_path / "m"
    save_masks(masks, path)
    loaded = load_masks(path)
    path.write_bytes(b"\xff" * path.stat().st_size)
    assert loaded == masks


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(share=st.floats(0, 0.9999))
def test_a_truncated_file_is_refused_at_any_length(masks: MaskSet, tmp_path: Path, share: float) -> None:
    path = tmp_path / "m"
    save_masks(masks, path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(PruningError, match="must be whole and in the safetensors format"):
        load_masks(path)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(position=st.integers(0, 10**6), value=st.integers(0, 255))
def test_a_damaged_byte_is_refused_or_harmless(masks: MaskSet, tmp_path: Path, position: int, value: int) -> None:
    path = tmp_path / "m"
    save_masks(masks, path)
    data = bytearray(path.read_bytes())
    data[position % len(data)] = value
    path.write_bytes(bytes(data))
    try:
        loaded = load_masks(path)
    except PruningError as error:
        assert "\n" not in str(error)
    else:  # metadata text, a name, or one valid mask byte
        assert loaded.total == masks.total
        assert abs(loaded.kept - masks.kept) <= 1


@pytest.mark.parametrize(
    "data", [b"", b"garbage", b"\xff" * 200, pickle.dumps({"w": 1}), (2**40).to_bytes(8, "little") + b"{}"]
)
def test_garbage_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(data)
    with pytest.raises(PruningError, match="must be whole and in the safetensors format"):
        load_masks(tmp_path / "m")


def test_weights_instead_of_masks_are_refused(tmp_path: Path) -> None:
    save_file({"w": torch.ones(3)}, tmp_path / "m")
    with pytest.raises(PruningError, match=r"must hold bool tensors; got torch.float32 \('w' in .*\)"):
        load_masks(tmp_path / "m")


def test_bytes_that_are_no_bools_are_refused(tmp_path: Path) -> None:
    save_file({"w": torch.tensor([0, 1, 2], dtype=torch.uint8).view(torch.bool)}, tmp_path / "m")
    with pytest.raises(PruningError, match=r"bytes must be 0 or 1; got others \('w' in .*\)"):
        load_masks(tmp_path / "m")


def test_a_file_without_masks_is_refused(tmp_path: Path) -> None:
    save_file({}, tmp_path / "m")
    with pytest.raises(PruningError, match="must hold at least one mask; got none"):
        load_masks(tmp_path / "m")


@pytest.mark.parametrize("order", ['["w", "v"]', '["v"]', "17", "{", "[1]"])
def test_an_order_of_other_tensors_is_refused(order: str, tmp_path: Path) -> None:
    save_file({"w": torch.tensor([True])}, tmp_path / "m", metadata={"order": order})
    with pytest.raises(PruningError, match="recorded order must name its tensors"):
        load_masks(tmp_path / "m")


def test_missing_files_and_folders_are_named(masks: MaskSet, tmp_path: Path) -> None:
    with pytest.raises(PruningError, match=r"must be readable; got 'No such file or directory' \(.*absent\)"):
        load_masks(tmp_path / "absent")
    with pytest.raises(PruningError, match=r"must be readable; got 'Is a directory'"):
        load_masks(tmp_path)
    with pytest.raises(PruningError, match=r"must be writable; got 'No such file or directory' \(.*absent/m\)"):
        save_masks(masks, tmp_path / "absent" / "m")


@pytest.mark.parametrize("metadata", [{"density": 0.1}, {3: "x"}, {"order": "[]"}])
def test_metadata_must_be_text(masks: MaskSet, tmp_path: Path, metadata: dict[str, str]) -> None:
    with pytest.raises(PruningError, match="mask metadata must be text"):
        save_masks(masks, tmp_path / "m", metadata)
    assert not (tmp_path / "m").exists()
