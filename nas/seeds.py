"""Named random streams of one seed, so that adding a consumer never shifts another's numbers."""

from __future__ import annotations

import hashlib

import numpy as np
import torch


def derive(seed: int, name: str) -> int:
    """Return a 63-bit seed for stream `name`: the first bytes of SHA-256 over the seed and the name."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def stream(seed: int, name: str, device: torch.device | str = "cpu") -> torch.Generator:
    """Return the torch generator of stream `name` on `device` ("init", "mask", "order", "augment", ...)."""
    return torch.Generator(device).manual_seed(derive(seed, name))


def numpy_stream(seed: int, name: str) -> np.random.Generator:
    """Return the numpy generator of stream `name`."""
    return np.random.default_rng(derive(seed, name))
