"""`sparsenas search`: search, retrain the best, and leave everything in the run directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.commands.flags import Data, Json

if TYPE_CHECKING:
    from experiments.output import Output
    from experiments.report.summary import RunSummary
    from experiments.run_directory import RunDirectory


def search(
    config: Annotated[Path | None, typer.Argument(help="YAML file; flags override it.", show_default=False)] = None,
    task: Annotated[str | None, typer.Option(help="digits, mnist, cifar10, reber, nasbench201, ...")] = None,
    space: Annotated[str | None, typer.Option(help="Search space: convnet, mlp, ...")] = None,
    strategy: Annotated[str | None, typer.Option(help="evolution, local_search, tpe, random, ...")] = None,
    objective: Annotated[
        list[str] | None,
        typer.Option(
            help="val_accuracy, kept, multiply_adds, latency_seconds (measured), long_error, legality_error; "
            "once for each."
        ),
    ] = None,
    trials: Annotated[int | None, typer.Option(help="Finished trials to reach, earlier runs included.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs of each trial.")] = None,
    rungs: Annotated[
        str | None, typer.Option(help="Epochs at which trials stop and only the best go on: 1,3,9.", metavar="N,N,...")
    ] = None,
    eta: Annotated[int | None, typer.Option(help="One trial in so many goes on from a rung.")] = None,
    final_epochs: Annotated[int | None, typer.Option(help="Epochs to retrain the best; 0 leaves it out.")] = None,
    finalists: Annotated[
        int | None, typer.Option(help="Best trials to train again for longer before one is retrained; 1 for none.")
    ] = None,
    finalist_epochs: Annotated[
        int | None, typer.Option(help="Epochs of each finalist; a quarter of the final ones if not given.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the run; the same name resumes it.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run directories (runs).")] = None,
    storage: Annotated[
        str | None,
        typer.Option(help="Optuna storage URL, or the journal.log of a search to help."),
    ] = None,
    data: Data = None,
    executor: Annotated[str | None, typer.Option(help="local, ray or population.")] = None,
    address: Annotated[
        str | None, typer.Option(help="A running Ray cluster: auto or host:port (ray).", show_default=False)
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Trials trained at the same time.")] = None,
    gpus_per_trial: Annotated[float | None, typer.Option(help="GPUs of one trial; fractions share one (ray).")] = None,
    threads_per_trial: Annotated[int | None, typer.Option(help="CPU threads of one trial.")] = None,
    batch: Annotated[int | None, typer.Option(help="Trials trained as one program (population).")] = None,
    time_limit: Annotated[float | None, typer.Option(help="Seconds a trial may train.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, float32 or bfloat16.")] = None,
    min_density: Annotated[float | None, typer.Option(help="Least kept fraction to propose.")] = None,
    max_density: Annotated[float | None, typer.Option(help="Largest kept fraction to propose.")] = None,
    max_multiply_adds: Annotated[
        str | None, typer.Option(help="Bound on the dense network's multiply-adds per input: a number, auto or none.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Narrow a choice of the space: 'stage*.kind=plain,residual'; once for each."),
    ] = None,
    methods: Annotated[list[str] | None, typer.Option("--method", help="Pruning methods to propose.")] = None,
    allocations: Annotated[list[str] | None, typer.Option("--allocation", help="Allocations to propose.")] = None,
    trainings: Annotated[
        list[str] | None,
        typer.Option(
            "--training",
            help="How networks may train: static (default), rigl, set, gmp, lrr, imp, edge_popup, ntt, ntt_mask.",
        ),
    ] = None,
    screen: Annotated[
        bool | None, typer.Option("--screen/--no-screen", help="Let a predictor choose among proposals.")
    ] = None,
    oversample: Annotated[int | None, typer.Option(help="Proposals among which the predictor chooses.")] = None,
    explore: Annotated[float | None, typer.Option(help="Share of trials that bypass the predictor.")] = None,
    acquisition: Annotated[
        str | None,
        typer.Option(help="How a belief becomes a choice: expected_improvement, upper_confidence or thompson."),
    ] = None,
    guides: Annotated[
        list[str] | None,
        typer.Option("--guide", help="What may guide: process, trees (both); the better one is heeded."),
    ] = None,
    min_records: Annotated[int | None, typer.Option(help="Finished trials before the predictor chooses.")] = None,
    json: Json = False,
) -> None:
    """Search for sparse networks; the same name resumes. Ends with the Pareto front and the best one retrained."""
    flags = {key: value for key, value in locals().items() if value is not None and key not in ("config", "json")}
    from experiments.config import resolve
    from experiments.output import Output
    from experiments.run_directory import driving

    if "objective" in flags:
        flags["objectives"] = flags.pop("objective")
    if "only" in flags:
        flags["only"] = _narrowed(flags["only"])
    if "rungs" in flags:
        flags["rungs"] = _numbers("--rungs", flags["rungs"])
    output = Output(json)
    resolved = resolve(config, flags)
    with driving(resolved.folder) as run:
        from experiments.running import complete

        summary = complete(resolved, run, output)
    _conclude(summary, run, output)


def _narrowed(words: list[str]) -> dict[str, list[str]]:
    from experiments.errors import ExperimentError

    pairs = [word.partition("=") for word in words]
    for (glob, _, values), word in zip(pairs, words, strict=True):
        if not glob or not values:
            raise ExperimentError(f"--only must be GLOB=VALUE,VALUE; got '{word}'. Quote the glob.")
    return {glob: values.split(",") for glob, _, values in pairs}


def _numbers(flag: str, text: str) -> tuple[int, ...]:
    from experiments.errors import ExperimentError

    words = text.split(",")
    if not all(word.strip().isdigit() for word in words):
        raise ExperimentError(f"{flag} must be whole numbers with commas between; got '{text}'. As in 1,3,9.")
    return tuple(int(word) for word in words)


def _conclude(summary: RunSummary, run: RunDirectory, output: Output) -> None:
    from experiments.report.page import headline
    from experiments.terminal.tables import front_table, places_panel

    output.results.print(front_table(summary))
    places = {"report": run.report, "best network": run.best, "predictor": run.predictor, "records": run.table}
    places = {name: path for name, path in places.items() if path.exists()}
    shown = {name: str(path) for name, path in {**places, "settings, to resume": run.config}.items()}
    output.results.print(places_panel(headline(summary), shown))
    output.emit(_result(summary, run))


def _result(summary: RunSummary, run: RunDirectory) -> dict[str, Any]:
    from dataclasses import asdict

    best, trial = summary.best, summary.best_trial
    return {
        "name": summary.name,
        "folder": run.folder,
        "finished": len(summary.finished),
        "failed": len(summary.failed),
        "best": None
        if best is None or trial is None
        else {
            "trial": trial.number,
            "val_accuracy": trial.accuracy,
            "retrained_val_accuracy": best.retrained_val_accuracy,
            "test_accuracy": best.test_accuracy,
            "kept": trial.kept,
            "total": trial.total,
            "density": trial.kept / trial.total if trial.kept and trial.total else None,
            "multiply_adds": trial.multiply_adds,
            **trial.measures,
        },
        "front": [asdict(member) for member in summary.front],
        "stages": dict(summary.stages),
        "report": run.report,
    }
