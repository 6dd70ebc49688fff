"""The report: a RunSummary as one HTML file that needs nothing else, neither network nor scripts."""

from __future__ import annotations

from collections import Counter
from html import escape
from importlib import resources
from pathlib import Path

import yaml

from experiments.files import write_text
from experiments.report.agreement import agreement
from experiments.report.figures.accuracy import accuracy
from experiments.report.figures.canvas import COLOURS
from experiments.report.figures.layers import layers
from experiments.report.figures.prediction import prediction
from experiments.report.figures.progress import progress
from experiments.report.figures.scales import floor_of
from experiments.report.figures.volume import volume
from experiments.report.html import picture, section, table
from experiments.report.summary import Finalist, RunSummary, Trial
from experiments.report.volume import dominated
from experiments.report.words import count, duration, epochs, measure, network, percent, share, short_count, title

FULL_WIDTH, HALF_WIDTH = 1000.0, 480.0


def page(summary: RunSummary) -> str:
    """Return the whole document."""
    css = resources.files("experiments.report").joinpath("style.css").read_text(encoding="utf-8")
    heading = f"{summary.name}: {summary.task}, {summary.space}"
    body = "".join([_header(summary), *_sections(summary), _footer(summary)])
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(heading)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>\n{css}</style></head>'
        f"<body><main>{body}</main></body></html>\n"
    )


def write_report(summary: RunSummary, file: Path) -> None:
    """Write the document to `file`, whole or not at all."""
    write_text(file, page(summary))


def headline(summary: RunSummary) -> str:
    """Return the result in one sentence: the best network's accuracy and how many weights it keeps."""
    trial, best = summary.best_trial, summary.best
    if trial is None or best is None:
        return "No trial has finished yet"
    kept = f"{share(trial.achieved_density)} of its weights"
    if best.test_accuracy is not None:
        return f"{percent(best.test_accuracy, 2)} test accuracy on {summary.task} with {kept}"
    return f"{percent(trial.accuracy, 2)} validation accuracy on {summary.task} with {kept}"


def _header(summary: RunSummary) -> str:
    failures = f", {len(summary.failed)} failed" if summary.failed else ""
    lead = (
        f"Found by {summary.strategy} search in the space {summary.space} over architecture and sparsity together: "
        f"{len(summary.finished)} trials finished{failures}"
        + (f"; {summary.trained_for}." if summary.trained_for else ".")
    )
    return (
        f'<header><p class="run">sparsenas search, run {escape(summary.name)}</p><h1>{escape(headline(summary))}</h1>'
        f'<p class="lead">{escape(lead)}</p></header>{_facts(summary)}'
    )


def _facts(summary: RunSummary) -> str:
    trial, best = summary.best_trial, summary.best
    if trial is None or best is None:
        return ""
    longer = f"after {epochs(best.retrained_epochs)}" if best.retrained_epochs else "not retrained"
    facts = [
        ("Test accuracy", percent(best.test_accuracy, 2), longer),
        ("Validation accuracy", percent(trial.accuracy, 2), f"in the search, trial {trial.number}"),
        ("Kept weights", count(trial.kept), f"of {count(trial.total)}"),
        ("Density", share(trial.achieved_density), ", ".join(filter(None, (trial.method, trial.allocation)))),
        ("Multiply-adds", short_count(trial.multiply_adds), "kept ones, per image"),
        *((title(name).capitalize(), measure(name, trial.value(name)), "measured") for name in summary.measured),
        ("Search time", duration(sum(summary.stages.values())) if summary.stages else "–", "summed over workers"),
    ]
    cells = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(note)}</small></dd></div>"
        for name, value, note in facts
    )
    return f'<dl class="facts">{cells}</dl>'


def _sections(summary: RunSummary) -> list[str]:
    parts = []
    if summary.finished:
        note = (
            "Each mark is a trained network. Ringed: the Pareto front of the objectives "
            f"({', '.join(summary.objectives)})."
        )
        if any(
            (trial.accuracy or 0.0) < floor_of([t.accuracy or 0.0 for t in summary.finished])
            for trial in summary.finished
        ):
            note += " Open triangles at the bottom lie below the axis."
        draw = picture(lambda width: accuracy(summary, width), FULL_WIDTH, "accuracy against kept weights and density")
        parts.append(section("Accuracy against size", note, draw))
        parts.append(f'<div class="pair">{_progress(summary)}{_prediction(summary)}</div>')
        parts.append(_volume(summary))
    if summary.best and summary.best.layers:
        rows = summary.best.layers
        note = f"Kept fraction of each layer of trial {summary.best.trial}, input at the top, output at the bottom."
        draw = picture(lambda width: layers(rows, width), FULL_WIDTH, "density of each layer of the best network")
        parts.append(section("Layers of the best network", note, draw))
    parts += [_finalists(summary), _front(summary), _failures(summary), _stages(summary), _settings(summary)]
    return parts


def _progress(summary: RunSummary) -> str:
    note = "Validation accuracy in the order of proposal."
    draw = picture(lambda width: progress(summary, width), HALF_WIDTH, "validation accuracy over the trials")
    return section("Progress", note, draw)


def _volume(summary: RunSummary) -> str:
    shares = dominated(summary)
    if len(shares) == 0:
        return ""
    ends = ", ".join(title(name) for name in summary.objectives)
    note = (
        f"Share of the box from the worst to the best {ends} of this run that its trials dominate, costs by their "
        f"logarithm: {share(float(shares[-1]))} in the end."
    )
    draw = picture(lambda width: volume(summary, width), FULL_WIDTH, "dominated share of the box over the trials")
    return section("Hypervolume", note, draw)


def _prediction(summary: RunSummary) -> str:
    found = agreement(summary)
    if found is None:
        why = (
            f"The screen was off: it begins at {summary.min_records} finished trials."
            if summary.screening and summary.min_records
            else "This search ran without a screen."
        )
        return section("Predicted against measured", why)
    words = [f"{found.count} screened trials", f"mean absolute error {percent(found.mean_absolute_error)}"]
    if found.spearman is not None:
        words.append(f"Spearman {found.spearman:.2f}")
    if found.covered is not None:
        words.append(f"{percent(found.covered, 0)} inside their interval")
    draw = picture(lambda width: prediction(summary, width), HALF_WIDTH, "predicted against measured accuracy")
    return section("Predicted against measured", ", ".join(words) + ".", draw)


def _finalists(summary: RunSummary) -> str:
    best = summary.best
    if best is None or not best.finalists:
        return ""
    trials = {trial.number: trial for trial in summary.trials}
    rows = [
        ("best" if finalist.trial == best.trial else "", _finalist_cells(finalist, trials[finalist.trial]))
        for finalist in sorted(best.finalists, key=lambda finalist: -(finalist.accuracy or 0.0))
    ]
    columns = [("Trial", ""), ("In the search", "n"), ("Trained longer", "n"), ("Epochs", "n"), ("Kept", "n"),
               ("Architecture", "net")]  # fmt: skip
    note = "The best trials, trained again for longer before one was chosen. Validation accuracy."
    return section("Finalists", note, table(columns, rows))


def _finalist_cells(finalist: Finalist, trial: Trial) -> list[str]:
    longer = finalist.error or percent(finalist.accuracy, 2)
    return [
        str(trial.number), percent(trial.accuracy, 2), longer, str(finalist.epochs or ""), count(trial.kept),
        network(trial.architecture),
    ]  # fmt: skip


def _front(summary: RunSummary) -> str:
    columns = [("Trial", ""), ("Accuracy", "n"), ("Kept", "n"), ("Density", "n"), ("Multiply-adds", "n"),
               *((title(name).capitalize(), "n") for name in summary.measured),
               ("Method", ""), ("Allocation", ""), ("Architecture", "net")]  # fmt: skip
    best = summary.best.trial if summary.best else None
    rows = [("best" if trial.number == best else "", _front_cells(trial, summary)) for trial in summary.front]
    note = (
        "Networks than which no other was better in one objective and as good in the others: "
        f"{', '.join(map(title, summary.objectives))}. Validation accuracy."
        if summary.measured
        else "Networks than which no other was both more accurate and smaller. Validation accuracy."
    )
    return section("Pareto front", note, table(columns, rows)) if rows else ""


def _front_cells(trial: Trial, summary: RunSummary) -> list[str]:
    return [
        str(trial.number), percent(trial.accuracy, 2), count(trial.kept), share(trial.achieved_density),
        short_count(trial.multiply_adds), *(measure(name, trial.value(name)) for name in summary.measured),
        trial.method, trial.allocation, network(trial.architecture),
    ]  # fmt: skip


def _failures(summary: RunSummary) -> str:
    if not summary.failed:
        return ""
    kinds = Counter(trial.error for trial in summary.failed)
    note = ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in kinds.most_common()) + "."
    columns = [("Trial", ""), ("Reason", "nowrap"), ("Attempts", "n"), ("Message", "text")]
    rows = [("", [str(t.number), t.error.replace("_", " "), str(t.attempts), t.message]) for t in summary.failed]
    return section("Failures", note, table(columns, rows))


def _stages(summary: RunSummary) -> str:
    total = sum(summary.stages.values())
    if total <= 0:
        return ""
    stages = list(summary.stages.items())
    colours = [COLOURS[i % len(COLOURS)] for i in range(len(stages))]
    spans = "".join(
        f'<span style="flex:{seconds / total:.6f};background:{colour}"></span>'
        for (_, seconds), colour in zip(stages, colours, strict=True)
    )
    trials = max(1, len(summary.finished) + len(summary.failed))
    body = "".join(
        f'<tr><td><span class="key" style="background:{colour}"></span>{escape(name)}</td>'
        f'<td class="n">{duration(seconds)}</td><td class="n">{duration(seconds / trials)}</td>'
        f'<td class="n">{percent(seconds / total)}</td></tr>'
        for (name, seconds), colour in zip(stages, colours, strict=True)
    )
    head = '<th>Stage</th><th class="n">Time</th><th class="n">Per trial</th><th class="n">Share</th>'
    cells = f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    note = "Training is summed over all workers; the rest is the search itself."
    return section("Where the time went", note, f'<div class="bar">{spans}</div>{cells}')


def _settings(summary: RunSummary) -> str:
    text = yaml.safe_dump(dict(summary.config), sort_keys=False, allow_unicode=True)
    run = section("Run it again", "", f'<pre class="command">{escape(summary.command)}</pre>')
    return run + section("Settings", "", f"<pre>{escape(text)}</pre>")


def _footer(summary: RunSummary) -> str:
    return f"<footer>sparsenas {escape(summary.version)}</footer>"
