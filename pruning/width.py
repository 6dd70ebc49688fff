"""How much wider a randomly masked network must be than a dense one to do the same."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pruning.errors import PruningError


def success_probability(density: float, copies: int, requirements: int) -> float:
    """Return (1 - (1 - p)^n)^m: the probability that none of m requirements is left without an edge.

    Each requirement (a target's weight, or an input that must be seen) is met by any one of n copies of a unit,
    whose edge a Bernoulli mask of density p keeps independently.

    Args:
        density: p, in (0, 1].
        copies: n, >= 0.
        requirements: m, >= 0.

    Raises:
        PruningError: density is not in (0, 1].

    Source: Gadhikar, Mukherjee and Burkholz, ICML 2023, arXiv 2210.02412 (the lower bound on the width).
    """
    _check_share("density", density)
    if copies <= 0 or requirements == 0:
        return float(requirements == 0)
    missed = math.exp(copies * math.log1p(-density)) if density < 1 else 0.0
    return math.exp(requirements * math.log1p(-missed))


def guaranteed_width_factor(density: float, requirements: int, failure: float = 0.1) -> int:
    """Return the least number of copies of each unit that meets all requirements with probability 1 - failure.

    n = ln(1 / (1 - (1 - failure)^(1 / m))) / ln(1 / (1 - p)), rounded up; about ln(m / failure) / p for small p. A
    random mask of a layer this many times wider contains the dense target layer, so nothing needs to be trained
    into place. A bound on what can be represented; training needs much less (`heuristic_width_factor`).

    Args:
        density: p of the next layer's mask, in (0, 1].
        requirements: m, the number of the next layer's non-zero target weights, times the copies of its units; >= 1.
        failure: probability of failing, in (0, 1).

    Raises:
        PruningError: a value is out of its range.

    Source: Gadhikar, Mukherjee and Burkholz, ICML 2023, arXiv 2210.02412 (width by a factor 1 / ln(1 / sparsity));
    the formula is the inverse of `success_probability`.
    """
    _check_share("density", density)
    _check_failure(failure)
    if requirements < 1:
        raise PruningError(f"requirements must be >= 1; got {requirements}. Count the target's non-zero weights.")
    if density == 1:
        return 1
    missed = -math.expm1(math.log1p(-failure) / requirements)  # 1 - (1 - failure)^(1 / m), without cancellation
    return max(1, math.ceil(math.log(missed) / math.log1p(-density)))


def heuristic_width_factor(density: float) -> float:
    """Return max(1, 1 / ln(1 / (1 - p))): how much wider a sparse network is, as a rule of thumb, for equal accuracy.

    The guaranteed factor without its logarithm of the number of weights. In a small teacher-student check a student
    of density 0.5 at twice the width (rule: 1.44) and one of 0.2 at eight times (rule: 4.48) matched the dense one:
    right in trend, to within a factor of two. No guarantee.

    Args:
        density: p, in (0, 1]; 1 gives 1.

    Raises:
        PruningError: density is not in (0, 1].

    Source: Gadhikar, Mukherjee and Burkholz, ICML 2023, arXiv 2210.02412.
    """
    _check_share("density", density)
    return max(1.0, -1 / math.log1p(-density)) if density < 1 else 1.0


def equal_count_width_factor(density: float) -> float:
    """Return 1 / sqrt(p): the factor on all widths at which the sparse network has the dense one's weights.

    Args:
        density: p, in (0, 1].

    Raises:
        PruningError: density is not in (0, 1].
    """
    _check_share("density", density)
    return 1 / math.sqrt(density)


def guaranteed_copies(target: Sequence[int], densities: Sequence[float], failure: float = 0.1) -> list[int]:
    """Return how many copies a masked network needs of each of the target's inputs and hidden units.

    From the output backwards, layer l has so many copies of each unit of the target that each copy of each unit after
    it finds an edge for every weight. Arguments and errors are those of `guaranteed_widths`.

    Returns:
        k numbers: of the inputs, then of each hidden layer of the target.
    """
    layers = len(target) - 1
    if layers < 1 or len(densities) != layers + 1 or min(target) < 1:
        raise PruningError(
            f"there must be k + 1 sizes >= 1 of a target of k layers and k + 1 densities; got sizes {list(target)}, "
            f"{len(densities)} densities. The masked network has one layer more than the target."
        )
    _check_failure(failure)
    copies = [1] * (layers + 1)  # of the units of each of the target's sizes; the outputs once
    for layer in reversed(range(layers)):
        requirements = copies[layer + 1] * target[layer] * target[layer + 1]
        copies[layer] = guaranteed_width_factor(densities[layer + 1], requirements, failure / (layers + 1))
    return copies[:-1]


def first_width(inputs: int, copies: int, density: float) -> int:
    """Return the width of a masked first layer with so many copies of each input, units that see none included."""
    seen = success_probability(density, inputs, 1)  # a first-layer unit has any input at all
    return math.ceil(1.05 * inputs * copies / seen)


def guaranteed_widths(target: Sequence[int], densities: Sequence[float], failure: float = 0.1) -> list[int]:
    """Return the hidden widths of a masked fully connected network that contains any dense target with biases.

    The masked network has one layer more than the target: inputs cannot be copied, so its first hidden layer holds
    the copies of the inputs. Each width is the target's times `guaranteed_copies`; first-layer units that drew no
    input are made up for by width. `pruning.embedding.embed_` carries the construction out.

    Args:
        target: the target's sizes: inputs, hidden ..., outputs; k + 1 numbers for k layers.
        densities: densities of the masked network's k + 1 layers, first to last, in (0, 1].
        failure: probability that some weight finds no edge, shared equally between the layers; in (0, 1).

    Returns:
        k widths: of the copies of the inputs, then of the copies of each hidden layer.

    Raises:
        PruningError: lengths do not fit, or a value is out of its range.

    Source: Gadhikar, Mukherjee and Burkholz, ICML 2023, arXiv 2210.02412 (the construction with L + 1 layers).
    Differs from the paper: exact success probability instead of its bound; the first layer's empty units, and 5 %
    more of it because the assignment of its units to inputs is greedy, are our own addition.
    """
    copies = guaranteed_copies(target, densities, failure)
    hidden = (size * count for size, count in zip(target[1:-1], copies[1:], strict=True))
    return [first_width(target[0], copies[0], densities[0]), *hidden]


def _check_share(name: str, value: float) -> None:
    if not 0 < value <= 1:
        raise PruningError(f"{name} must be in (0, 1]; got {value}. Give the fraction of weights to keep.")


def _check_failure(failure: float) -> None:
    if not 0 < failure < 1:
        raise PruningError(f"failure must be in (0, 1); got {failure}. Give the probability that is acceptable.")
