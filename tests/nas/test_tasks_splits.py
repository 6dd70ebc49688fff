"""Stratified splits, and the batches a task makes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.errors import NasError
from nas.tasks import SIGNATURES, TASKS, load_task
from nas.tasks.splits import stratified
from nas.tasks.task import Task, normalisation_of


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.data())
def test_splits_are_disjoint_exact_and_proportional(counts: list[int], data: st.DataObject) -> None:
    targets = np.repeat(np.arange(len(counts)), counts)
    first = data.draw(st.integers(0, len(targets)))
    second = data.draw(st.integers(0, len(targets) - first))
    parts = stratified(targets, (first, second), np.random.default_rng(0))
    assert [len(part) for part in parts] == [first, second]
    assert len(np.unique(np.concatenate(parts))) == first + second
    quota = first * np.array(counts) / len(targets)
    found = np.bincount(targets[parts[0]], minlength=len(counts))
    assert (np.abs(found - quota) < 1).all()


def test_splits_refuse_more_than_there_is() -> None:
    with pytest.raises(NasError, match=r"splits must fit into 3 images; got sizes \(2, 2\)"):
        stratified(np.zeros(3, np.int64), (2, 2), np.random.default_rng(0))


@pytest.fixture(scope="module")
def digits() -> Task:
    return load_task("digits")


def test_digits_has_every_image_once_and_the_same_each_time(digits: Task) -> None:
    assert [len(s) for s in (digits.train, digits.val, digits.test)] == [1077, 360, 360]
    assert digits.signature == SIGNATURES["digits"] and set(SIGNATURES) == set(TASKS)
    assert digits.signature.input_shape == (1, 8, 8)
    assert digits.signature.classes == 10
    images = torch.cat([s.inputs for s in (digits.train, digits.val, digits.test)])
    assert images.dtype == torch.uint8
    assert int(images.max()) == 16
    again = load_task("digits")
    assert torch.equal(digits.train.inputs, again.train.inputs)
    assert torch.equal(digits.test.targets, again.test.targets)
    shares = torch.bincount(digits.val.targets).double() / 360
    whole = torch.bincount(torch.cat([s.targets for s in (digits.train, digits.val, digits.test)])).double() / 1797
    assert float((shares - whole).abs().max()) < 1 / 360


def test_normalisation_is_that_of_the_training_split(digits: Task) -> None:
    inputs, targets = digits.batch(digits.train, slice(None))
    assert inputs.dtype == torch.float32
    assert targets.dtype == torch.int64
    assert abs(float(inputs.double().mean())) < 1e-6
    assert abs(float(inputs.double().std(correction=0)) - 1) < 1e-6
    (mean,), (std,) = digits.normalise.constants
    raw = digits.train.inputs.double()
    assert mean == pytest.approx(float(raw.mean()), rel=1e-6)
    assert std == pytest.approx(float(raw.std(correction=0)), rel=1e-6)


def test_normalisation_is_per_channel_and_survives_a_constant_one() -> None:
    generator = torch.Generator().manual_seed(0)
    raw = torch.randint(0, 256, (50, 3, 4, 5), dtype=torch.uint8, generator=generator)
    raw[:, 1] = 7
    out = normalisation_of(raw)(raw)
    assert torch.allclose(out.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(out.std((0, 2, 3), correction=0), torch.tensor([1.0, 0.0, 1.0]), atol=1e-5)


@pytest.mark.parametrize("count", [1, 10, 37, 200])
def test_evidence_is_balanced_from_train_and_repeatable(digits: Task, count: int) -> None:
    inputs, targets = digits.evidence(count, torch.Generator().manual_seed(2))
    sizes = torch.bincount(targets, minlength=10)
    assert inputs.shape == (count, 1, 8, 8)
    assert int(sizes.max() - sizes.min()) <= 1
    train, _ = digits.batch(digits.train, slice(None))
    rows = {tuple(row.tolist()): int(label) for row, label in zip(train.flatten(1), digits.train.targets, strict=True)}
    assert all(rows[tuple(i.flatten().tolist())] == int(t) for i, t in zip(inputs, targets, strict=True))
    again, _ = digits.evidence(count, torch.Generator().manual_seed(2))
    assert torch.equal(inputs, again)


def test_evidence_says_when_a_class_is_too_small(digits: Task) -> None:
    with pytest.raises(NasError, match="evidence must have at least 1 image; got 0"):
        digits.evidence(0, torch.Generator())
    with pytest.raises(NasError, match="evidence of 1500 images must find 150 in each class; got 10"):
        digits.evidence(1500, torch.Generator())


def test_training_batch_is_augmented_train(digits: Task) -> None:
    indices = torch.arange(32)
    plain, _ = digits.batch(digits.train, indices)
    inputs, targets = digits.training_batch(indices, torch.Generator().manual_seed(0))
    assert inputs.shape == plain.shape
    assert not torch.equal(inputs, plain)
    assert torch.equal(targets, digits.train.targets[:32])


def test_unknown_task_is_named_with_the_nearest() -> None:
    with pytest.raises(NasError, match=r"unknown task 'cifar';.* known: cifar10, digits, mnist, nasbench201, reber"):
        load_task("cifar")


@pytest.mark.parametrize("name", sorted(set(TASKS) - {"digits", "reber", "reber_embedded", "reber_next"}))
def test_a_task_with_files_asks_for_a_folder(name: str) -> None:
    with pytest.raises(NasError, match=f"task '{name}' must have a data folder; got none"):
        load_task(name)
