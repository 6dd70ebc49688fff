"""How strongly and how variously letters move a graph's nodes, in expectation over random weights."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from experiments.reproduce.reber.networks import LETTERS, Network
from nas.seeds import numpy_stream

STEPS = 16
"""Letters back: about a string's length."""
DRAWS = 8
FAINT = 0.01
"""Share of the mean node's variance below which a direction of the states counts for nothing."""

Floats = npt.NDArray[np.float64]


def drive(network: Network) -> dict[str, float]:
    """Return what random letters do to the states of a network with random weights; nothing of it is trained.

    - least: log of the least node's variance, see `variances`: how little of the letters gets to where it gets least.
    - rank: effective rank of the controllability Gramian of a GRU's linear part, mean over `DRAWS` seeded draws of
      weights: how many directions of the states letters move, of as many as there are nodes.
    """
    hidden = network.graph.adjacency | np.eye(network.graph.nodes, dtype=np.bool_)
    rng = numpy_stream(0, "reber/drive")
    ranks = [effective_rank(gramian(*_gated(hidden, network.inputs, rng), STEPS)) for _ in range(DRAWS)]
    return {
        "least": float(np.log(variances(hidden, network.inputs, STEPS)).min()),
        "rank": float(np.mean(ranks)),
    }


def variances(hidden: npt.NDArray[np.bool_], inputs: tuple[int, ...], steps: int) -> Floats:
    """Return each node's variance (n,), a small number where no letter gets to: the sum over k < steps of P^k b.

    b is 1 at inputs; P is `hidden` (n, n), True for an edge into the row's node, over the edges into it: the squares
    of initial weights in expectation, so that variances add along walks.
    """
    into = hidden / np.maximum(hidden.sum(axis=1, keepdims=True), 1)
    part = np.zeros(len(hidden))
    part[list(inputs)] = 1.0
    total = np.full(len(hidden), 1e-6)
    for _ in range(steps):
        total += part
        part = into @ part
    return np.asarray(total)


def gramian(weights: Floats, entering: Floats, steps: int) -> Floats:
    """Return the sum over k < steps of W^k B B^T W^k^T: the states' covariance under white letters, (n, n).

    Its rank is that of the controllability matrix [B, W B, W^2 B, ...], which bounds the linear memory of a recurrent
    network.

    Source: Jaeger 2001, GMD report 152 (the short-term memory of linear echo state networks).
    """
    part, total = entering, np.zeros((len(weights), len(weights)))
    for _ in range(steps):
        total += part @ part.T
        part = weights @ part
    return total


def effective_rank(covariance: Floats, faint: float = FAINT) -> float:
    """Return the sum of v / (v + faint), v the eigenvalues in units of the mean variance: directions above noise."""
    mean = float(np.trace(covariance)) / len(covariance)
    if mean == 0.0:
        return 0.0
    values = np.maximum(np.linalg.eigvalsh(covariance) / mean, 0.0)
    return float((values / (values + faint)).sum())


def _gated(hidden: npt.NDArray[np.bool_], inputs: tuple[int, ...], rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return (W, B) of a GRU that is linear about 0: its gates stand at 1/2, h' = h / 2 + (B u + V h / 2) / 2.

    V has the initial weights' deviation, 1 / sqrt(edges into the node). B's unit does not matter to a rank.
    """
    nodes = len(hidden)
    weights = rng.normal(size=hidden.shape) * hidden / np.sqrt(hidden.sum(axis=1, keepdims=True))
    entering = np.zeros((nodes, LETTERS))
    entering[list(inputs)] = rng.normal(size=(len(inputs), LETTERS))
    return 0.5 * np.eye(nodes) + 0.25 * weights, entering
