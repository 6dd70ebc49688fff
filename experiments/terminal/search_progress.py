"""The progress of a search: a live bar and the running trials on a terminal, one line a trial where there is none."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from experiments.report.words import chosen_by, duration, epochs, percent, share
from experiments.terminal.running_table import Running, running_table
from nas.events import Closed, Event, Exhausted, Retried, Screening, Started
from nas.outcomes import Failure, Outcome
from nas.records import Record


class SearchProgress:
    """Watches a search's events. Use as a context manager, and as the search's `on_event`.

    Args:
        console: where it is shown.
        records: the records there are.
        trials: finished ones to reach; promotions to more epochs are not counted.
        rungs: how many epochs a trial of each rung trains to; one number if there is no ladder.
    """

    def __init__(self, console: Console, records: list[Record], trials: int, rungs: Sequence[int]) -> None:
        finished = [record.outcome for record in records if isinstance(record.outcome, Outcome)]
        self._rungs = tuple(rungs)
        self._console = console
        self._trials = trials
        self._finished = sum(record.rung == 0 and record.state == "finished" for record in records)
        self._failed = sum(isinstance(record.outcome, Failure) for record in records)
        self._running: dict[int, Running] = {}
        self._best = max((outcome.val_accuracy for outcome in finished), default=None)
        self._screen = ""
        self._bar = Progress(
            TextColumn("searching"), BarColumn(bar_width=32), MofNCompleteColumn(),
            TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(elapsed_when_finished=False),
            console=console,
        )  # fmt: skip
        self._task = self._bar.add_task("", total=trials, completed=self._finished)
        self._live = Live(get_renderable=self._render, console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live.is_started:
            self._live.stop()

    def __call__(self, event: Event) -> None:
        """Take note of one event."""
        match event:
            case Started(record, resumed):
                self._running[record.number] = Running(record, time.monotonic())
                if resumed:
                    self._say(f"trial {record.number} starts again: it was running when its driver ended")
            case Retried(record, failure):
                self._running[record.number] = Running(record, time.monotonic())
                how = " in half batches" if record.half_batch else ""
                self._say(f"trial {record.number} starts again{how}: {failure.message}")
            case Closed(record):
                self._close(record)
            case Screening(active, finished, minimum):
                self._note_screen(active, finished, minimum)
            case Exhausted(finished):
                self._say(f"no candidate is left untried: the search ends with {finished} finished trials")

    def _close(self, record: Record) -> None:
        self._running.pop(record.number, None)
        if isinstance(record.outcome, Failure):
            self._failed += 1
            self._say(f"trial {record.number} failed: {record.outcome.error}: {record.outcome.message}")
        elif isinstance(record.outcome, Outcome):
            self._finished += record.rung == 0
            self._best = max(record.outcome.val_accuracy, self._best or 0.0)
            self._bar.update(self._task, completed=self._finished)
            if not self._console.is_terminal:
                self._say(self._line(record, record.outcome))

    def _line(self, record: Record, outcome: Outcome) -> str:
        chosen, allocation = chosen_by(record.candidate), record.candidate["sparsity"]["allocation"]
        rung = f" after {epochs(self._rungs[record.rung])}" if len(self._rungs) > 1 else ""
        return (
            f"[{self._finished}/{self._trials}] trial {record.number}: {percent(outcome.val_accuracy)}{rung} at "
            f"density {share(outcome.density)} ({chosen}, {allocation}) in "
            f"{duration(outcome.seconds)}; best {percent(self._best)}"
        )

    def _note_screen(self, active: bool, finished: int, minimum: int) -> None:
        before = self._screen
        if active:
            self._screen = f"screening by the predictor, fitted on {finished} records"
        elif minimum:
            self._screen = f"screening off: {finished} of {minimum} records"
        else:
            self._screen = "screening off, as asked"
        first_words = (before.split(":")[0].split(",")[0], self._screen.split(":")[0].split(",")[0])
        if not self._console.is_terminal and first_words[0] != first_words[1]:
            self._say(self._screen)

    def _render(self) -> RenderableType:
        parts = [f"best {percent(self._best)}", f"{len(self._running)} running"]
        if self._failed:
            parts.append(f"{self._failed} failed")
        parts.append(self._screen)
        words = Text("  ".join(part for part in parts if part), style="dim")
        if not self._running:
            return Group(self._bar, words)
        return Group(self._bar, words, running_table(list(self._running.values()), self._rungs, time.monotonic()))

    def _say(self, line: str) -> None:
        self._console.print(line, style="dim", soft_wrap=True, markup=False)
