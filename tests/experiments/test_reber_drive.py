"""What letters do to a graph's nodes: delay lines, unreachable nodes, and random weights against the expectation."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.reproduce.reber.drive import drive, effective_rank, gramian, variances
from experiments.reproduce.reber.networks import networks


def _line(nodes: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Weights of a delay line: each node is what the one before it was."""
    return np.eye(nodes, k=-1)


@pytest.mark.parametrize("nodes", [1, 5, 12])
def test_a_delay_line_remembers_as_many_letters_as_it_has_nodes(nodes: int) -> None:
    """Oracle: its Gramian from the first node is the identity, so all directions count; from the last only one."""
    first, last = np.eye(nodes)[:, :1], np.eye(nodes)[:, -1:]
    np.testing.assert_array_equal(gramian(_line(nodes), first, nodes), np.eye(nodes))
    assert effective_rank(gramian(_line(nodes), first, nodes), faint=1e-9) == pytest.approx(nodes)
    assert effective_rank(gramian(_line(nodes), last, nodes), faint=1e-9) == pytest.approx(1)
    assert effective_rank(gramian(_line(nodes), first, 3), faint=1e-9) == pytest.approx(min(nodes, 3))


def test_the_rank_is_that_of_the_controllability_matrix() -> None:
    """Two components, letters in one: only its four nodes are moved, whatever the weights."""
    rng = np.random.default_rng(0)
    weights = np.zeros((7, 7))
    weights[:4, :4], weights[4:, 4:] = rng.normal(size=(4, 4)) / 2, rng.normal(size=(3, 3)) / 2
    entering = np.eye(7)[:, :1]
    matrix = np.hstack([np.linalg.matrix_power(weights, k) @ entering for k in range(7)])
    assert np.linalg.matrix_rank(matrix) == 4
    assert effective_rank(gramian(weights, entering, 40), faint=1e-12) == pytest.approx(4, abs=1e-3)
    assert effective_rank(np.zeros((3, 3))) == 0.0


def test_variances_are_those_of_random_weights_in_expectation() -> None:
    """Oracle: fresh weights of variance 1 / edges into the node at each step, on a path with loops.

    Means of 20,000 draws; the deviation of each is below 2 %, so 10 % is passed by chance in under 1 of 10^6 runs.
    """
    hidden = (np.eye(4) + np.eye(4, k=1) + np.eye(4, k=-1)) > 0
    rng, draws, steps = np.random.default_rng(0), 20_000, 5
    spread = np.sqrt(hidden / hidden.sum(axis=1, keepdims=True))
    part, total = np.zeros((draws, 4)), np.zeros(4)
    part[:, 0] = 1.0
    for _ in range(steps):
        total += (part**2).mean(axis=0)
        part = np.einsum("dij,dj->di", rng.normal(size=(draws, 4, 4)) * spread, part)
    found = variances(hidden, (0,), steps)
    np.testing.assert_allclose(found[:3], total[:3], rtol=0.1)
    assert found[3] == pytest.approx(variances(hidden[::-1, ::-1], (3,), steps)[0])


def test_no_letter_gets_to_another_component() -> None:
    hidden = np.kron(np.eye(2), np.ones((2, 2))) > 0
    found = variances(hidden, (0,), 8)
    assert found[:2].min() > 1.0 and found[2:].max() <= 1e-6


def test_drive_is_a_function_of_the_network_and_grows_with_inputs() -> None:
    network = next(n for n in networks() if len(n.inputs) == 1 and n.graph.nodes > 20)
    assert drive(network) == drive(network)
    everywhere = type(network)(network.family, 0, False, network.graph, tuple(range(network.graph.nodes)))
    assert drive(everywhere)["least"] > drive(network)["least"]
    assert drive(network)["rank"] < drive(everywhere)["rank"] <= network.graph.nodes
