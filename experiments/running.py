"""A whole run, from a config to a report: what `sparsenas search` does, for Python too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments.config import SearchConfig, resolve, to_yaml
from experiments.errors import StoppedError
from experiments.files import write_text
from experiments.finals import run_finalists
from experiments.fitting import fit_study
from experiments.output import Output
from experiments.report.collect import collect, saved_best
from experiments.report.page import write_report
from experiments.report.summary import RunSummary
from experiments.report.table import write_table
from experiments.run_directory import RunDirectory, driving
from experiments.searching import Setup, prepare, retrain, run_search
from experiments.studies import Study
from experiments.terminal.epoch_progress import EpochProgress
from experiments.terminal.search_progress import SearchProgress
from experiments.termination import terminable
from nas.best import save_best
from nas.candidates import from_json
from nas.finalists import winner
from predictors.errors import PredictorError


def search(file: Path | str | None = None, **settings: Any) -> RunSummary:
    """Search, retrain the best network, write the run directory, and return what came of it.

    The same as the command, with the same names: `search(task="digits", trials=40, max_density=0.2)`. A run of the
    same name and folder is resumed. Progress is shown on stderr.

    Args:
        file: a YAML file with any of SearchConfig's fields.
        settings: fields of SearchConfig; they override the file.

    Raises:
        ExperimentError, NasError: a setting or the data break a rule. StoppedError: interrupted; resumable.
    """
    config = resolve(Path(file) if file is not None else None, settings)
    with driving(config.folder) as run:
        return complete(config, run, Output())


def complete(config: SearchConfig, run: RunDirectory, output: Output) -> RunSummary:
    """Search and retrain as `config` says, in the locked run directory; whatever stops it, say what is kept."""
    setup = prepare(config, run)
    write_text(run.config, to_yaml(config))
    try:
        with terminable():
            rungs = config.rungs or (config.epochs,)
            with SearchProgress(output.progress, setup.records.history, config.trials, rungs) as progress:
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
    """Train the best candidate (of the finalists, if there are any) for longer and save it, unless that is done."""
    epochs = setup.config.final_epochs
    record = winner(setup.records.history, run_finalists(setup, run, output))
    if record is None or epochs == 0:
        return
    saved = saved_best(run.best, record.candidate)
    if saved is not None and saved.epochs == epochs:
        return
    candidate = from_json(record.candidate, f"trial {record.number}")
    with EpochProgress(output.progress, f"retraining trial {record.number}", epochs) as progress:
        module, masks, outcome = retrain(setup, candidate, progress, in_half_batches=record.half_batch)
    save_best(run.best, candidate, setup.task, module, masks, outcome)


def _write_files(setup: Setup, run: RunDirectory, output: Output) -> RunSummary:
    """Write the table, the predictor and the report of what the records hold."""
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
