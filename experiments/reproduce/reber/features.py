"""What a graph looks like, in numbers that do not depend on weights: sizes first, then their arrangement."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import rustworkx

from experiments.reproduce.reber.drive import drive
from experiments.reproduce.reber.networks import Network, reachable

SIZES = ("nodes", "edges", "inputs")
"""What a sceptic would predict from: units, connections, and units that letters enter."""


def features(network: Network) -> dict[str, float]:
    """Return name -> finite figure, in four groups.

    "size/...": counts. "log/...": their natural logarithms; doubling a network's inputs or nodes is one step,
    whatever it started from. "drive/...": see `drive`. "graph/...": the published figures where they differ from each
    other.

    Left out of the published 23: the variances (squares of deviations that are in) and mean degree (a function of
    nodes and edges). Added: clustering, assortativity, spectrum, and distances from the nodes that letters enter.
    """
    graph = network.graph
    made = rustworkx.PyGraph()
    made.add_nodes_from(range(graph.nodes))
    made.add_edges_from_no_data(list(graph.edges))
    sizes = {"nodes": graph.nodes, "edges": len(graph.edges), "inputs": len(network.inputs)}
    columns: dict[str, float] = {f"size/{name}": float(sizes[name]) for name in SIZES}
    columns |= {f"log/{name}": float(np.log(sizes[name])) for name in SIZES}
    columns |= {f"drive/{name}": value for name, value in drive(network).items()}
    columns |= {f"graph/{name}": value for name, value in _shape(network).items()}
    for name, values in _by_node(made, graph.degrees.astype(np.float64)).items():
        columns[f"graph/{name}_mean"], columns[f"graph/{name}_std"] = float(values.mean()), float(values.std())
    columns["graph/transitivity"] = float(rustworkx.transitivity(made))
    columns["graph/components"] = float(rustworkx.number_connected_components(made))
    del columns["graph/degree_mean"]
    return columns


def _shape(network: Network) -> dict[str, float]:
    graph = network.graph
    adjacency = graph.adjacency.astype(np.float64)
    spectrum = np.linalg.eigvalsh(adjacency)
    laplacian = np.linalg.eigvalsh(np.diag(adjacency.sum(1)) - adjacency)
    distances = reachable(network).astype(np.float64)
    u, v = np.array(graph.edges).T
    ends = graph.degrees[np.concatenate((u, v))], graph.degrees[np.concatenate((v, u))]
    varied = np.ptp(ends[0]) > 0
    return {
        "density": 2.0 * len(graph.edges) / (graph.nodes * (graph.nodes - 1)),
        "layers": float(max(graph.layers) + 1),
        "sinks": float(len(graph.sinks)),
        "degree_max": float(graph.degrees.max()),
        "assortativity": float(np.corrcoef(*ends)[0, 1]) if varied else 0.0,
        "spectral_radius": float(spectrum[-1]),
        "spectral_gap": float(spectrum[-1] - spectrum[-2]),
        "algebraic_connectivity": float(laplacian[1]),
        "input_distance_mean": float(distances.mean()),
        "input_distance_max": float(distances.max()),
        "input_degree": float(graph.degrees[list(network.inputs)].mean()),
    }


def _by_node(made: rustworkx.PyGraph, degrees: npt.NDArray[np.float64]) -> dict[str, npt.NDArray[np.float64]]:
    steps = np.asarray(rustworkx.distance_matrix(made))
    nodes = len(steps)
    steps = np.where((steps == 0) & ~np.eye(nodes, dtype=np.bool_), nodes, steps)  # out of reach: as far as can be
    centrality = {
        "closeness": rustworkx.closeness_centrality(made),
        "betweenness": rustworkx.betweenness_centrality(made),
        "edge_betweenness": rustworkx.edge_betweenness_centrality(made),
    }
    found = {name: np.array([values[i] for i in sorted(values)]) for name, values in centrality.items()}
    return {"degree": degrees, "eccentricity": steps.max(1), "path_length": steps.sum(1) / (nodes - 1), **found}
