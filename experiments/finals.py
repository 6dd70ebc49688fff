"""The finalists' round of a run, between its search and its retraining; killed, it goes on where it was."""

from __future__ import annotations

from experiments.finalists_file import read_finalists, write_finalists
from experiments.output import Output
from experiments.report.words import duration, percent
from experiments.run_directory import RunDirectory
from experiments.searching import Setup, finalist_executor
from nas.finalists import Result, shortlist, train_finalists
from nas.outcomes import Outcome


def run_finalists(setup: Setup, run: RunDirectory, output: Output) -> dict[int, Result]:
    """Train the run's finalists that have no result yet, each result written as it comes; return all results.

    A run of one finalist has no second look: nothing is trained and nothing returned.
    """
    config = setup.config
    if config.finalists < 2 or config.final_epochs == 0:
        return {}
    epochs = config.second_look_epochs
    chosen = shortlist(setup.records.history, config.finalists)
    numbers = {record.number for record in chosen}
    results = {number: r for number, r in read_finalists(run.finalists, epochs).items() if number in numbers}
    waiting = [record for record in chosen if record.number not in results]
    if not waiting:
        return results

    def keep(number: int, result: Result) -> None:
        results[number] = result
        write_finalists(run.finalists, results, epochs)
        output.progress.print(
            f"finalist {len(results)} of {len(chosen)}, trial {number}: {_words(result)}", style="dim", soft_wrap=True
        )

    with finalist_executor(setup, epochs) as executor, output.progress.status(f"training {len(waiting)} finalists"):
        train_finalists(executor, waiting, keep)
    return results


def _words(result: Result) -> str:
    if isinstance(result, Outcome):
        return f"{percent(result.val_accuracy)} after {result.epochs} epochs in {duration(result.seconds)}"
    return f"failed: {result.error}: {result.message}"
