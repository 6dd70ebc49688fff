"""Counts, paths and wiring of a cell's live part."""

from __future__ import annotations

import math

from predictors.cells.graph import OPERATIONS, CellGraph, Edge

_WEIGHTINGS = ((3.0, 1.5), (9.0, 1.0), (2.0, 2.0))


def structure(graph: CellGraph) -> dict[str, float]:
    """Return 53 figures of the part of the cell that lies on a path from input to output.

    - skips, conv1, conv3, pools, edges, convs; params = 9 conv3 + conv1 and log_params = log(1 + params); paths; dead.
    - of all paths the min, max and mean number of convs, conv3, pools, reach = 2 (conv3 + pools) and length without
      skips; -1 where there is no path.
    - paths_*: how many are identity (and whether any is), pool only, without conv, without pool, with conv, with 3x3,
      with conv but no pool; sequences = distinct ones.
    - gain_a_b = log(0.001 + sum over paths of a^conv3 b^conv1 0.5^pools).
    - into_output, from_input: degrees, and those of convs and pools alone; pool_conv, conv_pool: pairs in a row.
    - mixed_*: see `_mixed`. regions, conv_inputs, input_sets: see `_regions`.

    Cost: 80 microseconds for a cell of NAS-Bench-201.
    """
    counts = _counts(graph)
    return {**counts, **_path_ranges(graph), **_path_kinds(graph), **_ends(graph), **_mixed(graph), **_regions(graph)}


def _counts(graph: CellGraph) -> dict[str, float]:
    names = [operation for _, _, operation in graph.live]
    conv1, conv3 = names.count("nor_conv_1x1"), names.count("nor_conv_3x3")
    params = sum(OPERATIONS[name].weights for name in names)
    return {
        "skips": names.count("skip_connect"),
        "conv1": conv1,
        "conv3": conv3,
        "pools": names.count("avg_pool_3x3"),
        "edges": len(names),
        "convs": conv1 + conv3,
        "params": params,
        "log_params": math.log1p(params),
        "paths": len(graph.paths),
        "dead": float(not graph.paths),
    }


def _path_ranges(graph: CellGraph) -> dict[str, float]:
    figures: dict[str, list[int]] = {"convs": [], "conv3": [], "pools": [], "reach": [], "length": []}
    for sequence in graph.sequences:
        conv3, pools = sequence.count("nor_conv_3x3"), sequence.count("avg_pool_3x3")
        figures["convs"].append(conv3 + sequence.count("nor_conv_1x1"))
        figures["conv3"].append(conv3)
        figures["pools"].append(pools)
        figures["reach"].append(2 * (conv3 + pools))
        figures["length"].append(len(sequence))
    found: dict[str, float] = {}
    for name, values in figures.items():
        found |= {f"{name}_min": min(values, default=-1), f"{name}_max": max(values, default=-1)}
        found[f"{name}_mean"] = sum(values) / len(values) if values else -1.0
    return found


def _path_kinds(graph: CellGraph) -> dict[str, float]:
    kinds = [{OPERATIONS[name].kind for name in sequence} for sequence in graph.sequences]
    with_conv = sum("conv" in kind for kind in kinds)
    found: dict[str, float] = {
        "paths_identity": sum(not kind for kind in kinds),
        "has_identity": float(any(not kind for kind in kinds)),
        "paths_pool_only": sum(kind == {"pool"} for kind in kinds),
        "paths_without_conv": len(kinds) - with_conv,
        "paths_without_pool": sum("pool" not in kind for kind in kinds),
        "paths_with_conv": with_conv,
        "paths_with_conv3": sum("nor_conv_3x3" in sequence for sequence in graph.sequences),
        "paths_conv_no_pool": sum(kind == {"conv"} for kind in kinds),
        "sequences": len(set(graph.sequences)),
    }
    for large, small in _WEIGHTINGS:
        total = sum(
            large ** s.count("nor_conv_3x3") * small ** s.count("nor_conv_1x1") * 0.5 ** s.count("avg_pool_3x3")
            for s in graph.sequences
        )
        found[f"gain_{large:g}_{small:g}"] = math.log(0.001 + total)
    return found


def _ends(graph: CellGraph) -> dict[str, float]:
    found: dict[str, float] = {}
    ends = {"into_output": graph.incoming(graph.output), "from_input": [edge for edge in graph.live if edge[0] == 0]}
    for name, edges in ends.items():
        found[name] = len(edges)
        for kind in ("conv", "pool"):
            found[f"{name}_{kind}"] = sum(OPERATIONS[operation].kind == kind for _, _, operation in edges)
    pairs = [(OPERATIONS[a[2]].kind, OPERATIONS[b[2]].kind) for a in graph.live for b in graph.live if a[1] == b[0]]
    return {**found, "pool_conv": pairs.count(("pool", "conv")), "conv_pool": pairs.count(("conv", "pool"))}


def _mixed(graph: CellGraph) -> dict[str, float]:
    """Return the output's variance and the variance-weighted mean of what its signal went through.

    The input has variance 1; a convolution's output has variance 1 (batch norm), pooling halves it, skip keeps it,
    sums add. Carried along: depth in convolutions, share of untouched input, depth in 3x3 and number of poolings.
    """
    nodes: dict[int, tuple[float, tuple[float, ...]]] = {0: (1.0, (0.0, 1.0, 0.0, 0.0))}
    for node in range(1, graph.output + 1):
        parts = [_passed(nodes[edge[0]], edge) for edge in graph.incoming(node)]
        variance = sum(v for v, _ in parts)
        means = (sum(v * s[i] for v, s in parts) / variance if variance else 0.0 for i in range(4))
        nodes[node] = (variance, tuple(means))
    variance, (depth, identity, depth3, blur) = nodes[graph.output]
    return {
        "mixed_variance": variance,
        "mixed_depth": depth,
        "mixed_identity": identity,
        "mixed_depth3": depth3,
        "mixed_blur": blur,
    }


def _passed(source: tuple[float, tuple[float, ...]], edge: Edge) -> tuple[float, tuple[float, ...]]:
    variance, (depth, identity, depth3, blur) = source
    operation = OPERATIONS[edge[2]]
    if operation.kind == "conv":
        return 1.0, (depth + 1, 0.0, depth3 + (operation.kernel > 1), blur)
    if operation.kind == "pool":
        return variance / 2, (depth, identity, depth3, blur + 1)
    return source


def _regions(graph: CellGraph) -> dict[str, float]:
    """Return how varied the convolutions' inputs are.

    regions: sum over live convolutions of log(1 + distinct sequences that reach them); conv_inputs: distinct pairs of
    (set of sequences, operation); input_sets: distinct such sets.
    """
    reaching: dict[int, frozenset[tuple[str, ...]]] = {0: frozenset({()})}
    seen: list[tuple[frozenset[tuple[str, ...]], str]] = []
    for node in range(1, graph.output + 1):
        found: set[tuple[str, ...]] = set()
        for source, _, operation in graph.incoming(node):
            kind = OPERATIONS[operation].kind
            if kind == "conv":
                seen.append((reaching[source], operation))
            found |= reaching[source] if kind == "skip" else {(*s, operation) for s in reaching[source]}
        reaching[node] = frozenset(found)
    return {
        "regions": sum(math.log1p(len(sources)) for sources, _ in seen),
        "conv_inputs": len(set(seen)),
        "input_sets": len({sources for sources, _ in seen}),
    }
