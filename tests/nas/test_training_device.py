"""Which arithmetic is chosen, and on a machine with a GPU: the loop's promises there."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nas.tasks import load_task
from nas.training import Recipe, train
from nas.training.arithmetic import choose, has_fast_bfloat16
from pruning import MaskSet, prunable

CPU = torch.device("cpu")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def test_an_explicit_choice_is_kept() -> None:
    arithmetic = choose(CPU, "float32", False)
    assert (arithmetic.bfloat16, arithmetic.channels_last) == (False, False)
    arithmetic = choose(CPU, "bfloat16", True)
    assert (arithmetic.bfloat16, arithmetic.channels_last) == (True, True)


def test_auto_asks_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose(CPU, "auto", None).bfloat16 == has_fast_bfloat16(CPU)
    for able in (False, True):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda able=able: able)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
        assert choose(CPU, "auto", None).bfloat16 == able
        assert choose(CPU, "auto", None).channels_last
    assert not has_fast_bfloat16(torch.device("meta"))


def test_autocast_runs_products_in_bfloat16_and_only_then() -> None:
    linear, inputs = nn.Linear(4, 4), torch.zeros(2, 4)
    with choose(CPU, "bfloat16", None).autocast():
        assert linear(inputs).dtype == torch.bfloat16
    with choose(CPU, "float32", None).autocast():
        assert linear(inputs).dtype == torch.float32


def test_images_and_only_images_are_laid_out() -> None:
    arithmetic = choose(CPU, "float32", True)
    images = torch.zeros(2, 3, 4, 5)
    assert arithmetic.lay_out(images).stride() == (60, 1, 15, 3)
    assert arithmetic.lay_out(images.flatten(2)).is_contiguous()
    assert choose(CPU, "float32", False).lay_out(images) is images


@needs_gpu
def test_on_a_gpu_masks_hold_and_a_deterministic_run_repeats() -> None:
    results = []
    for _ in range(2):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            module = nn.Sequential(
                nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.Flatten(), nn.Linear(1024, 10)
            )
        generator = torch.Generator().manual_seed(1)
        masks = MaskSet({n: torch.rand(p.shape, generator=generator) < 0.3 for n, p in prunable(module).items()})
        recipe = Recipe(epochs=2, batch_size=64, deterministic=True)
        outcome = train(module, masks, load_task("digits"), recipe, seed=0, device="cuda")
        assert outcome.val_accuracy > 0.5
        for name, mask in masks.items():
            weight = module.get_parameter(name).cpu()
            assert (weight[~mask] == 0).all()
        results.append([p.detach().cpu() for p in module.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))
