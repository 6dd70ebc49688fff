"""Tasks whose trainings were done before: a table answers in place of the training loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.candidates import Candidate, find_space
from nas.outcomes import Failure, Outcome
from nas.tasks.task import Task
from predictors import multiply_adds
from predictors.cells import cell_features
from pruning import prunable
from pruning.dynamic import STATIC
from search_spaces import cell_graph


@dataclass(frozen=True, eq=False)
class CellTable:
    """Accuracies of all cells of NAS-Bench-201, as fractions, in the order of `cell_graph.all_cells`.

    Attributes:
        columns: name -> (15625,), for example `c10_val_200`: data set, split, epochs of training.
    """

    columns: Mapping[str, NDArray[np.float64]]

    def accuracy(self, genes: tuple[int, ...], column: str) -> float:
        """Return one cell's accuracy."""
        return float(self.columns[column][cell_graph.number(genes)])


@dataclass(frozen=True, eq=False, kw_only=True)
class TabularTask(Task):
    """A task with a table of accuracies. Its images are noise: they give masks and traces their shapes, no more.

    Attributes:
        table: the answers.
        space: name of the search space whose networks it knows, all dense.
        answers: epochs of training -> the column of their validation accuracy.
    """

    table: CellTable
    space: str
    answers: Mapping[int, str]

    def answer(self, candidate: Candidate, epochs: int) -> Outcome | Failure:
        """Return what training the candidate came to, or why the table does not know."""
        known = candidate.architecture.space == self.space and candidate.sparsity.density == 1.0
        known = known and candidate.training == STATIC
        if not known or epochs not in self.answers:
            return Failure(
                "infeasible",
                f"task '{self.name}' must be asked for dense networks, static, of space '{self.space}' after "
                f"{' or '.join(map(str, self.answers))} epochs; got density {candidate.sparsity.density:g} of space "
                f"'{candidate.architecture.space}' after {epochs}. Set min_density 1, --space and --epochs so, and no "
                f"--training.",
            )
        costs = self.costs(candidate)
        weights = int(costs["kept"])
        return Outcome(
            val_accuracy=self.table.accuracy(candidate.architecture.genes, self.answers[epochs]),
            curve=(),
            epochs=epochs,
            seconds=0.0,
            kept=weights,
            total=weights,
            multiply_adds=int(costs["multiply_adds"]),
        )

    def features(self, candidate: Candidate) -> dict[str, float]:
        """Return the features of the candidate's cell: what there is to know of a network that is not built."""
        return cell_features(cell_graph.edges(candidate.architecture.genes))

    def costs(self, candidate: Candidate) -> dict[str, float]:
        """Return the network's weights (`kept`) and multiply-adds of one sample, from its shapes."""
        skeleton = find_space(self.space).skeleton(candidate.architecture, self.signature)
        return {
            "kept": float(sum(weight.numel() for weight in prunable(skeleton).values())),
            "multiply_adds": float(multiply_adds(skeleton, self.signature.input_shape)),
        }
