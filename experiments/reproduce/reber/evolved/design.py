"""What the experiment searches, and for how long: every setting in one value."""

from __future__ import annotations

from dataclasses import dataclass, field

from nas.genomes import CandidateSpace, SparsityChoices, density_grid
from nas.narrowing import Only
from nas.screen import ScreenSettings
from nas.tasks import Task
from nas.training import Recipe, recipe_for
from nas.trial import TrialSettings
from search_spaces.graphs.spaces import GraphRNNs

OBJECTIVES = ("val_accuracy", "kept")
CHANCE = 0.5


@dataclass(frozen=True)
class Design:
    """Settings of one comparison.

    Args:
        trials: networks that each search trains.
        batch: networks of one program, so also how many are proposed before the next results come.
        epochs: of a network in a search.
        final_epochs: of a network retrained on fresh seeds.
        copies: fresh seeds of each network.
        only: values of graph_rnn's choices that may be proposed. One cell, so that a weight costs the same everywhere.
        methods: pruning methods that may be proposed; layers are ranked together.
        densities: least and largest kept fraction.
        screen: how the search uses what its trials teach.
        batch_size: strings of a step.
    """

    trials: int = 160
    batch: int = 16
    epochs: int = 5
    final_epochs: int = 12
    copies: int = 5
    only: Only = field(
        default_factory=lambda: {
            "nodes": (12, 16, 20, 24),
            "cell": ("tanh",),
            "wiring": ("recurrent",),
            "inputs": ("all", "sources"),
        }
    )
    methods: tuple[str, ...] = ("random", "magnitude", "synflow")
    densities: tuple[float, float] = (0.25, 1.0)
    screen: ScreenSettings = field(default_factory=lambda: ScreenSettings(minimum=32, oversample=16, explore=0.5))
    batch_size: int = 128

    def space(self, task: Task, seed: int) -> CandidateSpace:
        """Return the candidates of a search."""
        sparsity = SparsityChoices(self.methods, ("global",), density_grid(*self.densities))
        return CandidateSpace(GraphRNNs(), sparsity, task.signature, seed=seed, only=self.only)

    def settings(self, epochs: int) -> TrialSettings:
        """Return how networks train for so many epochs."""
        recipe: Recipe = recipe_for("reber", epochs=epochs, batch_size=self.batch_size)
        return TrialSettings(recipe)


DESIGN = Design()
