"""Findings of others, measured again with this project's own parts.

A reproduction is a benchmark: a function of a folder for its files and a line printer, returning one Table.
`sparsenas reproduce NAME` prints the table and keeps it; docs/results holds such files.
"""

from experiments.benchmarks import Benchmark
from experiments.reproduce.ablations.feature_ablation import feature_ablation
from experiments.reproduce.intervals import intervals
from experiments.reproduce.isometry_rules import isometry_rules
from experiments.reproduce.masks.make import sparse_mask_features
from experiments.reproduce.masks.sparse_masks import sparse_masks
from experiments.reproduce.mnist_pruning import mnist_pruning
from experiments.reproduce.nasbench201_prediction import nasbench201_prediction
from experiments.reproduce.ntt import ntt
from experiments.reproduce.phew_widths import phew_widths
from experiments.reproduce.random_embedding import random_embedding
from experiments.reproduce.random_source import random_source
from experiments.reproduce.reber.next_letters import reber_next
from experiments.reproduce.reber.reproduction import reber
from experiments.reproduce.reber.search import reber_search
from experiments.reproduce.reber.whole import reber_whole
from experiments.reproduce.reber_structure import reber_structure
from experiments.reproduce.second.second_space import second_space
from experiments.reproduce.signal_propagation import signal_propagation
from experiments.reproduce.trainings import trainings

REPRODUCTIONS: dict[str, Benchmark] = {
    "feature-ablation": feature_ablation,
    "intervals": intervals,
    "isometry-rules": isometry_rules,
    "mnist-pruning": mnist_pruning,
    "nasbench201-prediction": nasbench201_prediction,
    "ntt": ntt,
    "phew-widths": phew_widths,
    "random-embedding": random_embedding,
    "random-source": random_source,
    "reber": reber,
    "reber-next": reber_next,
    "reber-search": reber_search,
    "reber-structure": reber_structure,
    "reber-whole": reber_whole,
    "second-space": second_space,
    "signal-propagation": signal_propagation,
    "trainings": trainings,
    "sparse-mask-features": sparse_mask_features,
    "sparse-masks": sparse_masks,
}
