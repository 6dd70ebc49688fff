"""A recurrent classifier: three GRU layers of 50 units, the last hidden state read by a linear layer.

Source: Cho et al., EMNLP 2014, arXiv 1406.1078 (the GRU); depth and width of the embedded-Reber networks whose
structure and pruning were studied by Stier & Granitzer and students (three recurrent layers of 50, two classes).
Differs from them: symbols enter one-hot, (time, features), instead of through a trained embedding of 50.
"""

from __future__ import annotations

from torch import Tensor, nn

from search_spaces.architecture import Signature
from search_spaces.networks.reference import ReferenceNetwork

REBER = Signature((53, 7), 2)
"""Embedded Reber strings: at most 53 symbols out of B, T, S, X, P, V, E; in the grammar or not."""

_LAYERS, _UNITS = 3, 50


class GRUClassifier(nn.Module):
    """Sequence (B, T, F), or with `rows` image (B, C, H, W) read row by row as (B, H, C W), to logits (B, classes)."""

    def __init__(self, features: int, classes: int, *, rows: bool) -> None:
        super().__init__()
        self.rows = rows
        self.recurrent = nn.GRU(features, _UNITS, _LAYERS, batch_first=True)
        self.head = nn.Linear(_UNITS, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (B, classes) read after the last step."""
        sequence = x.transpose(1, 2).flatten(2) if self.rows else x
        states, _ = self.recurrent(sequence)
        logits: Tensor = self.head(states[:, -1])
        return logits


def gru(signature: Signature) -> GRUClassifier:
    """Return the network for (time, features), or for (channels, rows, columns) read row by row."""
    shape = signature.input_shape
    rows = len(shape) == 3
    features = shape[0] * shape[2] if rows else shape[1]
    return GRUClassifier(features, signature.classes, rows=rows)


GRUS = (ReferenceNetwork("gru", gru, REBER, axes=(2, 3), activation="identity"),)
