"""Does the screen earn its place? The same search with and without it, paired by seed, at equal trained trials."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from experiments.benchmarks.paired import paired_difference
from experiments.benchmarks.table import Table
from nas.hypervolume import hypervolumes

SEEDS = tuple(range(6))
TRIALS = 40
EPOCHS = 6
STRATEGIES = ("evolution",)
CHANCE = 0.1
MEASURES = ("hypervolume", "best_val_accuracy", "best_with_1000_weights")

Curve = tuple[str, bool, int, list[tuple[float, float]], float]
"""Strategy, screened, seed, (validation accuracy, kept weights) of each trial, seconds of training."""


def screening(folder: Path, say: Callable[[str], None]) -> Table:
    """Return final figures of every search; the summary holds the paired differences with their intervals.

    Both searches of a pair have the same seed, hence the same candidates until the screen has enough records.
    Measured at the end: the hypervolume of the front in (validation accuracy above chance, log10 of kept
    weights), as a share of the box that all searches together span; the best validation accuracy; and the best
    among networks of at most 1,000 weights.
    """
    jobs = [(strategy, screen, seed) for seed in SEEDS for strategy in STRATEGIES for screen in (False, True)]
    curves: list[Curve] = []
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for curve in pool.map(_search, jobs):
            curves.append(curve)
            best = max(accuracy for accuracy, _ in curve[3])
            say(f"{len(curves)}/{len(jobs)} {curve[0]}, screen {curve[1]}, seed {curve[2]}: best {best:.4f}")
    volumes = {curve[:3]: _volumes(curve[3], curves) for curve in curves}
    rows = [_row(curve, volumes[curve[:3]]) for curve in curves]
    _draw(volumes, folder / "screening.png")
    return Table("screening", _protocol(), rows, _summary(rows))


def _search(job: tuple[str, bool, int]) -> Curve:
    """Run one search in this process on one thread, and return what it trained."""
    import torch

    from experiments.config import SearchConfig
    from experiments.run_directory import driving
    from experiments.searching import prepare, run_search
    from nas.outcomes import Outcome

    torch.set_num_threads(1)
    strategy, screen, seed = job
    with tempfile.TemporaryDirectory() as out:
        config = SearchConfig(
            strategy=strategy,
            screen=screen,
            seed=seed,
            trials=TRIALS,
            epochs=EPOCHS,
            workers=0,
            threads_per_trial=1,
            name="run",
            out=Path(out),
        )
        with driving(config.folder) as run:
            history = run_search(prepare(config, run), lambda event: None)
    outcomes = [record.outcome for record in history if isinstance(record.outcome, Outcome)]
    trained = [(outcome.val_accuracy, float(outcome.kept)) for outcome in outcomes]
    return strategy, screen, seed, trained, sum(outcome.seconds for outcome in outcomes)


def _volumes(trained: Sequence[tuple[float, float]], curves: Sequence[Curve]) -> NDArray[np.float64]:
    """Share of the common box that is dominated after each trial, shape (trials,)."""
    kept = np.log10([weights for curve in curves for _, weights in curve[3]])
    scale = np.array([1.0 - CHANCE, kept.max() - kept.min()])
    points = np.array([[accuracy - CHANCE, kept.max() - np.log10(weights)] for accuracy, weights in trained]) / scale
    return hypervolumes(points, np.zeros(2))


def _row(curve: Curve, volumes: NDArray[np.float64]) -> dict[str, Any]:
    strategy, screen, seed, trained, seconds = curve
    return {
        "strategy": strategy,
        "screen": screen,
        "seed": seed,
        "trials": len(trained),
        "hypervolume": float(volumes[-1]),
        "best_val_accuracy": max(accuracy for accuracy, _ in trained),
        "best_with_1000_weights": max((accuracy for accuracy, kept in trained if kept <= 1000), default=CHANCE),
        "training_seconds": round(seconds, 1),
    }


def _summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    def column(strategy: str, screen: bool, name: str) -> list[float]:
        chosen = [row for row in rows if row["strategy"] == strategy and row["screen"] == screen]
        return [row[name] for row in sorted(chosen, key=lambda row: row["seed"])]

    return {
        f"{strategy}: {name}, screened minus unscreened": asdict(
            paired_difference(column(strategy, True, name), column(strategy, False, name))
        )
        for strategy in STRATEGIES
        for name in MEASURES
    }


def _protocol() -> str:
    return (
        f"task digits, space convnet, {TRIALS} trained trials of {EPOCHS} epochs a search, seeds "
        f"{SEEDS[0]}-{SEEDS[-1]}, objectives (validation accuracy, kept weights); t intervals at 95 % over pairs of "
        "the same seed"
    )


def _draw(volumes: Mapping[tuple[str, bool, int], NDArray[np.float64]], path: Path) -> None:
    from experiments.report.figures.canvas import render

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(render(lambda: _figure(volumes), "png"))


def _figure(volumes: Mapping[tuple[str, bool, int], NDArray[np.float64]]) -> Figure:
    from experiments.report.figures.canvas import ACCENT, MUTED, new_figure, only_rows

    figure, panels = new_figure(560.0 * len(STRATEGIES), 380.0, columns=len(STRATEGIES))
    for axes, strategy in zip(panels, STRATEGIES, strict=True):
        for screen, colour, label in ((False, MUTED, "without screen"), (True, ACCENT, "with screen")):
            runs = [
                values
                for (name, with_screen, _), values in volumes.items()
                if (name, with_screen) == (strategy, screen)
            ]
            length = min(len(run) for run in runs)
            values = np.array([run[:length] for run in runs])
            mean, error = values.mean(0), values.std(0, ddof=1) / np.sqrt(len(values))
            trials = np.arange(1, length + 1)
            axes.plot(trials, mean, color=colour, label=label, linewidth=1.8)
            axes.fill_between(trials, mean - error, mean + error, color=colour, alpha=0.18, linewidth=0)
        only_rows(axes)
        axes.set(title=strategy, xlabel="trained trials", ylabel="share of the box dominated")
        axes.set_xlim(1, TRIALS)
    panels[0].legend(loc="lower right")
    return figure
