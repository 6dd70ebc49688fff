"""`sparsenas fit-predictor`: a predictor of accuracy from structure, fitted on records or tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from experiments.commands.flags import Json


def fit_predictor(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="STUDY|TABLE.csv|GRAPHS.jsonl...",
            help="Run directories, storage URLs, CSV tables, or files with one measured graph a line.",
        ),
    ],
    target: Annotated[str, typer.Option(help="Column to predict.")] = "val_accuracy",
    features: Annotated[list[str] | None, typer.Option(help="Feature groups to use; all of them if left out.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Columns to leave out.")] = None,
    groups: Annotated[str | None, typer.Option(help="Column whose equal values stay in one fold.")] = None,
    curve: Annotated[
        int | None,
        typer.Option(min=1, metavar="EPOCHS", help="Add what a study's trials did in so many first epochs."),
    ] = None,
    model: Annotated[str, typer.Option(help="xgboost, ...")] = "xgboost",
    scale: Annotated[str, typer.Option(help="Scale that accuracies are learned on.")] = "accuracy",
    evaluate: Annotated[
        bool, typer.Option("--evaluate", help="Repeated cross-validation, with intervals, beside baselines.")
    ] = False,
    repeats: Annotated[int, typer.Option(help="Cross-validations of --evaluate.", min=1)] = 3,
    ablate: Annotated[bool, typer.Option("--ablate", help="With --evaluate: what each feature group adds.")] = False,
    seed: Annotated[int, typer.Option(help="Of folds and model.")] = 0,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="With --evaluate: predicted against measured, PNG.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to save the predictor in.")] = None,
    json: Json = False,
) -> None:
    """Fit, cross-validate and save a predictor; every figure it prints is for networks it was not fitted on."""
    from experiments.errors import ExperimentError
    from experiments.evaluating import evaluation, warnings
    from experiments.fitting import fit, gather
    from experiments.output import Output
    from experiments.terminal.metrics_table import evaluation_tables, metrics_table

    if plot is not None and not evaluate:
        raise ExperimentError("--plot shows predictions out of fold and needs --evaluate; got none. Add it.")
    output = Output(json)
    found, said = gather(sources, target, features or (), exclude or (), groups, curve)
    with output.progress.status(f"fitting {model} on {len(found.rows)} networks"):
        fitted = fit(found, {**said, "target": target}, model, seed, scale)
    leaks = warnings(found)
    for line in leaks:
        output.progress.print(f"warning: {line}", soft_wrap=True, markup=False)
    figures: dict[str, Any] = dict(fitted.metrics)
    if evaluate:
        with output.progress.status(f"cross-validating {model} {repeats} times"):
            figures = evaluation(found, model, scale, seed, repeats, ablate)
    title = f"{model} on {len(found.rows)} networks"
    tables = evaluation_tables(title, figures) if evaluate else [metrics_table(title, figures, {})]
    for table in tables:
        output.results.print(table)
    if plot is not None:
        _plot(title, figures, plot)
        output.results.print(f"plot written to {plot}", soft_wrap=True, markup=False)
    if found.dropped:
        output.results.print(
            f"left out, without {target}: {found.dropped} of {found.dropped + len(found.rows)} rows", markup=False
        )
    if out is not None:
        fitted.save(out)
        output.results.print(f"predictor written to {out}", soft_wrap=True, markup=False)
    counts = {"rows": len(found.rows), "features": len(found.rows[0]), "dropped": found.dropped, "warnings": leaks}
    output.emit({**figures, **counts, "model": model, "scale": scale, "target": target, "out": out, "plot": plot})


def _plot(title: str, figures: dict[str, Any], plot: Path) -> None:
    from experiments.report.figures.canvas import render
    from experiments.report.figures.prediction import cross_validation

    plot.parent.mkdir(parents=True, exist_ok=True)
    coverage = figures["coverage"]["mean"]
    plot.write_bytes(render(lambda: cross_validation(title, coverage=coverage, **figures["predictions"]), "png"))
