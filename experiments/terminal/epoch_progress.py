"""The progress of one training: a live bar on a terminal, a line now and then where there is none."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from experiments.report.words import percent
from nas.outcomes import Epoch


class EpochProgress:
    """Watches a training's epochs. Use as a context manager, and as the training's `on_epoch`."""

    def __init__(self, console: Console, title: str, epochs: int) -> None:
        self._console = console
        self._title = title
        self._epochs = epochs
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=32), MofNCompleteColumn(),
            TextColumn("{task.fields[note]}", style="dim"), TextColumn("left"), TimeRemainingColumn(),
            console=console, transient=True,
        )  # fmt: skip
        self._task = self._bar.add_task(title, total=epochs, note="")

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._bar.stop()

    def __call__(self, epoch: Epoch) -> None:
        """Take note of one finished epoch."""
        note = f"loss {epoch.train_loss:.3f}, train {percent(epoch.train_accuracy)}"
        if epoch.val_accuracy is not None:
            note += f", val {percent(epoch.val_accuracy)}"
        self._bar.update(self._task, completed=epoch.epoch, note=note)
        every = max(1, self._epochs // 5)
        if not self._console.is_terminal and (epoch.epoch % every == 0 or epoch.epoch == self._epochs):
            self._console.print(
                f"{self._title}: epoch {epoch.epoch} of {self._epochs}, {note}", style="dim", soft_wrap=True
            )
