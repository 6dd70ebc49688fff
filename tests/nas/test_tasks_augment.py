"""Random crop and flip: against torch's own padding and slicing, and the promises of the docstring."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from nas.errors import NasError
from nas.tasks.augment import Augmentation


def _images(count: int = 6, height: int = 7, width: int = 9) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(1, 256, (count, 3, height, width), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("border", ["reflect", "zero"])
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("pad", [0, 1, 4])
def test_every_image_is_one_of_its_crops(border: str, flip: bool, pad: int) -> None:
    images = _images()
    padded = functional.pad(images, (pad,) * 4, mode="reflect" if border == "reflect" else "constant")
    crops = padded.unfold(2, 7, 1).unfold(3, 9, 1)  # batch, channel, vertical, horizontal, height, width
    out = Augmentation(pad, flip, border)(images, torch.Generator().manual_seed(1))  # type: ignore[arg-type]
    for n in range(len(images)):
        places = crops[n].permute(1, 2, 0, 3, 4).reshape(-1, 3, 7, 9)
        candidates = torch.cat([places, places.flip(3)]) if flip else places
        assert (candidates == out[n]).flatten(1).all(1).any()


def test_every_place_and_both_flips_are_drawn_equally_often() -> None:
    """2,000 draws of 18 outcomes: chi-square with 17 degrees of freedom exceeds 52.4 by chance in 1e-5."""
    image = torch.arange(25, dtype=torch.uint8).view(1, 1, 5, 5).expand(2000, 1, 5, 5)
    out = Augmentation(1, flip=True, border="zero")(image, torch.Generator().manual_seed(3))
    _, counts = torch.unique(out.flatten(1), dim=0, return_counts=True)
    assert len(counts) == 18
    expected = 2000 / 18
    assert float(((counts - expected) ** 2 / expected).sum()) < 52.4


def test_no_pad_and_no_flip_is_the_identity_in_new_memory() -> None:
    images = _images()
    out = Augmentation(0)(images, torch.Generator())
    assert torch.equal(out, images)
    assert out.data_ptr() != images.data_ptr()


def test_input_is_untouched_and_same_stream_gives_same_bits() -> None:
    images = _images()
    before = images.clone()
    first = Augmentation(2, True)(images, torch.Generator().manual_seed(5))
    second = Augmentation(2, True)(images, torch.Generator().manual_seed(5))
    assert torch.equal(images, before)
    assert torch.equal(first, second)


def test_layout_of_the_input_does_not_change_the_result() -> None:
    images = _images()
    shuffled = images.contiguous(memory_format=torch.channels_last)
    first, second = (Augmentation(2, True)(x, torch.Generator().manual_seed(5)) for x in (images, shuffled))
    assert torch.equal(first, second)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(NasError, match="pad must be at least 0 pixels; got -1"):
        Augmentation(-1)
    with pytest.raises(NasError, match="border must be 'reflect' or 'zero'; got 'wrap'"):
        Augmentation(1, border="wrap")  # type: ignore[arg-type]
    with pytest.raises(NasError, match="smaller than the image; got 7 for 7x9"):
        Augmentation(7)(_images(), torch.Generator())
