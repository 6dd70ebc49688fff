"""A search's result as one Markdown table, for a page of documentation that is not written by hand."""

from __future__ import annotations

from collections import Counter
from statistics import fmean

from experiments.report.agreement import agreement
from experiments.report.summary import Best, RunSummary, Trial
from experiments.report.words import count, duration, epochs, measure, network, percent, share, short_count, title


def markdown(summary: RunSummary) -> str:
    """Return the table: what was tried, what it cost, what came out, and how the screen's expectations fared."""
    rows = [("trials", _trials(summary)), ("time", _time(summary))]
    trial, best = summary.best_trial, summary.best
    if trial is not None and best is not None:
        rows += _best(trial, best)
    rows += _screen(summary)
    lines = [f"| {name} | {text} |" for name, text in rows]
    return "\n".join(["| | |", "|---|---|", *lines]) + "\n"


def _trials(summary: RunSummary) -> str:
    kinds = Counter(trial.error.replace("_", " ") for trial in summary.failed)
    failed = "".join(f", {number} failed ({kind})" for kind, number in kinds.most_common())
    return f"{len(summary.finished)} finished{failed}" + (f"; {summary.trained_for}" if summary.trained_for else "")


def _time(summary: RunSummary) -> str:
    training = summary.stages.get("training", 0.0)
    own = sum(summary.stages.values()) - training
    words = [f"training {duration(training)} summed over workers", f"the search itself {duration(own)}"]
    if summary.best is not None and summary.best.seconds is not None:
        words.append(f"retraining {duration(summary.best.seconds)}")
    return ", ".join(words)


def _best(trial: Trial, best: Best) -> list[tuple[str, str]]:
    kept = f"density {share(trial.achieved_density)}: {count(trial.kept)} of {count(trial.total)} weights, "
    chosen = ", ".join(filter(None, (trial.method, trial.allocation)))
    rows = [
        (
            "best network",
            f"trial {trial.number}; {kept}{short_count(trial.multiply_adds)} multiply-adds kept; {chosen}",
        ),
        ("its architecture", network(trial.architecture)),
        *((f"its {title(name)}", measure(name, value)) for name, value in trial.measures.items()),
        ("its validation accuracy", f"{percent(trial.accuracy, 2)} in the search" + _longer(trial, best)),
    ]
    if best.test_accuracy is not None:
        rows.append(("**its test accuracy**", f"**{percent(best.test_accuracy, 2)}**"))
    return rows


def _longer(trial: Trial, best: Best) -> str:
    words = [
        f", {percent(final.accuracy, 2)} as one of {len(best.finalists)} finalists ({epochs(final.epochs or 0)})"
        for final in best.finalists
        if final.trial == trial.number
    ]
    if best.retrained_val_accuracy is not None:
        words.append(f", {percent(best.retrained_val_accuracy, 2)} retrained ({epochs(best.retrained_epochs or 0)})")
    return "".join(words)


def _screen(summary: RunSummary) -> list[tuple[str, str]]:
    found = agreement(summary)
    if found is None:
        return []
    screened = [t.accuracy for t in summary.finished if t.expected and t.accuracy is not None]
    others = [t.accuracy for t in summary.finished if not t.expected and t.accuracy is not None]
    unscreened = f"; the {len(others)} others {percent(fmean(others))}" if others else ""
    rank = "" if found.spearman is None else f", Spearman {found.spearman:.2f}"
    return [
        ("screened trials", f"{found.count}, mean validation accuracy {percent(fmean(screened))}{unscreened}"),
        ("predicted against measured", f"mean absolute error {percent(found.mean_absolute_error)}{rank}"),
    ]
