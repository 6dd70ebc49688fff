"""Initialisations for networks that will be, or are, pruned. One file, one function of its name, one line here."""

from __future__ import annotations

from types import MappingProxyType

from pruning.initialization.delta_orthogonal import delta_orthogonal_
from pruning.initialization.density_scaled_he import density_scaled_he_
from pruning.initialization.fill import Initialization
from pruning.initialization.gains import GAINS
from pruning.initialization.glorot import glorot_
from pruning.initialization.he import he_
from pruning.initialization.lecun import lecun_
from pruning.initialization.orthogonal import orthogonal_
from pruning.initialization.signed_constant import signed_constant_

INITIALIZATIONS: MappingProxyType[str, Initialization] = MappingProxyType(
    {
        "delta_orthogonal": delta_orthogonal_,
        "density_scaled_he": density_scaled_he_,
        "glorot": glorot_,
        "he": he_,
        "lecun": lecun_,
        "orthogonal": orthogonal_,
        "signed_constant": signed_constant_,
    }
)

__all__ = ["GAINS", "INITIALIZATIONS", "Initialization"]
