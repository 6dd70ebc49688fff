"""The cell of NAS-Bench-201 as a pure graph: its string, its live part, and which cells are the same.

A cell has four nodes; node 0 is the input, node 3 the output, and each of the six edges from a lower to a higher node
carries one of five operations. Node values are sums of their incoming edges. 5^6 = 15,625 cells.

Source: Dong and Yang, ICLR 2020, arXiv 2001.00326, section 2.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple, TypeAlias

from search_spaces.errors import SpaceError

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""What an edge may carry; a gene indexes this tuple."""

EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""(source, target) of the edge that each gene belongs to, in the order of the cell's string."""

INPUT, OUTPUT = 0, 3

COUNT = len(OPERATIONS) ** len(EDGES)
"""Number of cells: 15,625."""

Genes: TypeAlias = tuple[int, ...]
_TERM = re.compile(r"\|?([a-z0-9_]+)~(\d)\|?")


class Edge(NamedTuple):
    """One operation of a cell."""

    source: int
    target: int
    operation: str


def parse(text: str) -> Genes:
    """Return the six genes of a cell's string, such as `|none~0|+|none~0|none~1|+|none~0|none~1|none~2|`.

    Raises:
        SpaceError: the string is not of that form, or an operation is not known.
    """
    found = [[_TERM.fullmatch(term) for term in part.strip("|").split("|")] for part in text.split("+")]
    terms = [(match[1], int(match[2]), node) for node, part in enumerate(found, start=1) for match in part if match]
    if tuple((source, node) for _, source, node in terms) != EDGES or any(t[0] not in OPERATIONS for t in terms):
        raise SpaceError(
            f"cell must read |op~0|+|op~0|op~1|+|op~0|op~1|op~2| with op one of {', '.join(OPERATIONS)}; got {text!r}. "
            f"Copy the architecture string of NAS-Bench-201."
        )
    return tuple(OPERATIONS.index(operation) for operation, _, _ in terms)


def text(genes: Sequence[int]) -> str:
    """Return the cell's string; the inverse of `parse`."""
    parts: list[str] = []
    for target, group in itertools.groupby(edges(genes), key=lambda edge: edge.target):
        del target
        parts.append("|" + "|".join(f"{edge.operation}~{edge.source}" for edge in group) + "|")
    return "+".join(parts)


def edges(genes: Sequence[int]) -> tuple[Edge, ...]:
    """Return all six edges, `none` among them.

    Raises:
        SpaceError: there are not six genes from 0 to 4.
    """
    if len(genes) != len(EDGES) or any(gene not in range(len(OPERATIONS)) for gene in genes):
        raise SpaceError(
            f"cell must have {len(EDGES)} genes in 0..{len(OPERATIONS) - 1}; got {tuple(genes)}. "
            f"Give one operation's index for each edge."
        )
    return tuple(Edge(s, t, OPERATIONS[gene]) for (s, t), gene in zip(EDGES, genes, strict=True))


def live_edges(genes: Sequence[int]) -> tuple[Edge, ...]:
    """Return the edges that lie on a path from input to output without `none`; () for a cell that computes nothing."""
    present = [edge for edge in edges(genes) if edge.operation != "none"]
    reached, needed = {INPUT}, {OUTPUT}
    for edge in present:  # targets rise, so one pass reaches everything
        if edge.source in reached:
            reached.add(edge.target)
    for edge in sorted(present, key=lambda edge: -edge.target):
        if edge.target in needed:
            needed.add(edge.source)
    return tuple(edge for edge in present if edge.source in reached and edge.target in needed)


def isomorphism_key(genes: Sequence[int]) -> str:
    """Return a string that is equal for cells of one isomorphism class of NAS-Bench-201: 6,466 classes.

    A node is the sum of its edges as sorted text; skip copies its source's text, `none` is the term #.

    Source: Dong and Yang 2020, section 2: 6,466 unique topologies. The classes equal the published table's one to one,
    and so they keep its quirk: a copied sum is one piece of text that sorts as a whole, which tells apart some sums of
    the same terms, as does a sum of two #. `function_key` has neither.
    """
    nodes = ["0"]
    for target, group in itertools.groupby(edges(genes), key=lambda edge: edge.target):
        del target
        nodes.append("+".join(sorted(_term(edge.operation, nodes[edge.source]) for edge in group)))
    return nodes[OUTPUT]


def function_key(genes: Sequence[int]) -> tuple[object, ...]:
    """Return a key that is equal for cells that compute the same function of x and equal weights: 4,660 classes.

    Beyond `isomorphism_key`, zero terms vanish from sums, nodes without influence on the output do not count, and
    average pooling, being linear, is applied to each term of a sum (skip over a sum likewise). A convolution of
    nothing counts as nothing: a bias behind it would be a constant.
    """
    terms: dict[int, tuple[object, ...]] = {INPUT: ("x",), OUTPUT: ()}
    for edge in live_edges(genes):
        source = terms[edge.source]
        if edge.operation == "avg_pool_3x3":
            found: tuple[object, ...] = tuple(("avg_pool_3x3", term) for term in source)
        elif edge.operation == "skip_connect":
            found = source
        else:
            found = ((edge.operation, *source),)
        terms[edge.target] = tuple(sorted((*terms.get(edge.target, ()), *found), key=repr))
    return terms[OUTPUT]


def all_cells() -> tuple[Genes, ...]:
    """Return the genes of all 15,625 cells, in the order of the genes read as a number of base five."""
    return tuple(itertools.product(range(len(OPERATIONS)), repeat=len(EDGES)))


@cache
def canonical(genes: Genes) -> Genes:
    """Return the first cell, in the order of `all_cells`, that computes the same function (idempotent)."""
    return _first_of_each()[function_key(genes)]


def number(genes: Sequence[int]) -> int:
    """Return the cell's position in `all_cells`."""
    position = 0
    for gene in genes:
        position = position * len(OPERATIONS) + gene
    return position


@cache
def _first_of_each() -> dict[tuple[object, ...], Genes]:
    """Half a second, once."""
    found: dict[tuple[object, ...], Genes] = {}
    for genes in all_cells():
        found.setdefault(function_key(genes), genes)
    return found


def _term(operation: str, source: str) -> str:
    if operation == "none" or source == "#":
        return "#"
    return source if operation == "skip_connect" else f"({source})@{operation}"
