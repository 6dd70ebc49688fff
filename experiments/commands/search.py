"""`sparsenas search`: search, retrain the best, and leave everything in the run directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.commands.flags import Data, Json

if TYPE_CHECKING:
    from experiments.config import SearchConfig
    from experiments.output import Output
    from experiments.report.summary import RunSummary
    from experiments.run_directory import RunDirectory
    from experiments.searching import Setup


def search(
    config: Annotated[Path | None, typer.Argument(help="YAML file; flags override it.", show_default=False)] = None,
    task: Annotated[str | None, typer.Option(help="digits, mnist or cifar10.")] = None,
    space: Annotated[str | None, typer.Option(help="Search space: convnet, mlp, ...")] = None,
    strategy: Annotated[str | None, typer.Option(help="evolution, tpe or random.")] = None,
    objective: Annotated[
        list[str] | None, typer.Option(help="val_accuracy, kept, multiply_adds; once for each.")
    ] = None,
    trials: Annotated[int | None, typer.Option(help="Finished trials to reach, earlier runs included.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs of each trial.")] = None,
    final_epochs: Annotated[int | None, typer.Option(help="Epochs to retrain the best; 0 leaves it out.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the run; the same name resumes it.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the run directories (runs).")] = None,
    storage: Annotated[str | None, typer.Option(help="Optuna storage URL instead of a journal file.")] = None,
    data: Data = None,
    executor: Annotated[str | None, typer.Option(help="local or ray.")] = None,
    workers: Annotated[int | None, typer.Option(help="Trials trained at the same time.")] = None,
    gpus_per_trial: Annotated[float | None, typer.Option(help="GPUs of one trial; fractions share one (ray).")] = None,
    threads_per_trial: Annotated[int | None, typer.Option(help="CPU threads of one trial.")] = None,
    time_limit: Annotated[float | None, typer.Option(help="Seconds a trial may train.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, float32 or bfloat16.")] = None,
    min_density: Annotated[float | None, typer.Option(help="Least kept fraction to propose.")] = None,
    max_density: Annotated[float | None, typer.Option(help="Largest kept fraction to propose.")] = None,
    max_multiply_adds: Annotated[
        str | None, typer.Option(help="Bound on the dense network's multiply-adds per input: a number, auto or none.")
    ] = None,
    methods: Annotated[list[str] | None, typer.Option("--method", help="Pruning methods to propose.")] = None,
    allocations: Annotated[list[str] | None, typer.Option("--allocation", help="Allocations to propose.")] = None,
    screen: Annotated[
        bool | None, typer.Option("--screen/--no-screen", help="Let a predictor choose among proposals.")
    ] = None,
    oversample: Annotated[int | None, typer.Option(help="Proposals among which the predictor chooses.")] = None,
    explore: Annotated[float | None, typer.Option(help="Share of trials that bypass the predictor.")] = None,
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
    output = Output(json)
    resolved = resolve(config, flags)
    with driving(resolved.folder) as run:
        summary = _run(resolved, run, output)
    _conclude(summary, run, output)


def _run(config: SearchConfig, run: RunDirectory, output: Output) -> RunSummary:
    """Search and retrain; whatever stops it, say what is kept."""
    from experiments.config import to_yaml
    from experiments.errors import StoppedError
    from experiments.files import write_text
    from experiments.searching import prepare, run_search
    from experiments.terminal.search_progress import SearchProgress
    from experiments.termination import terminable

    setup = prepare(config, run)
    write_text(run.config, to_yaml(config))
    try:
        with terminable():
            with SearchProgress(output.progress, setup.records.history, config.trials) as progress:
                run_search(setup, progress)
            _retrain_best(setup, run, output)
            return _write_files(setup, run, output)
    except KeyboardInterrupt:
        finished = setup.records.count("finished")
        raise StoppedError(
            f"stopped: {finished} of {config.trials} trials are finished and kept in {config.folder}. "
            f"Resume: sparsenas search {run.config}"
        ) from None


def _retrain_best(setup: Setup, run: RunDirectory, output: Output) -> None:
    """Train the best candidate for longer and save it, unless that was done already."""
    from experiments.report.collect import best_record, saved_best
    from experiments.searching import retrain
    from experiments.terminal.epoch_progress import EpochProgress
    from nas.best import save_best
    from nas.candidates import from_json

    record = best_record(setup.records.history)
    epochs = setup.config.final_epochs
    if record is None or epochs == 0:
        return
    saved = saved_best(run.best, record.candidate)
    if saved is not None and saved.epochs == epochs:
        return
    candidate = from_json(record.candidate, f"trial {record.number}")
    with EpochProgress(output.progress, f"retraining trial {record.number}", epochs) as progress:
        module, masks, outcome = retrain(setup, candidate, progress)
    save_best(run.best, candidate, setup.task, module, masks, outcome)


def _write_files(setup: Setup, run: RunDirectory, output: Output) -> RunSummary:
    """Write the table, the predictor and the report of what the records hold."""
    from experiments.fitting import fit_study
    from experiments.report.collect import collect
    from experiments.report.page import write_report
    from experiments.report.table import write_table
    from experiments.studies import Study
    from predictors.errors import PredictorError

    config, records = setup.config, setup.records
    study = Study(config.name, records.header, records.history, config, run)
    write_table(records.history, run.table)
    try:
        with output.progress.status("fitting the predictor"):
            fit_study(study).save(run.predictor)
    except PredictorError as error:  # too few trials for one; the search itself is none the worse
        output.progress.print(f"no predictor was saved: {error}", style="dim", markup=False, soft_wrap=True)
    summary = collect(study)
    write_report(summary, run.report)
    return summary


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
        },
        "front": [asdict(member) for member in summary.front],
        "stages": dict(summary.stages),
        "report": run.report,
    }
