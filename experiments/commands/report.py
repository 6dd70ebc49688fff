"""`sparsenas report`: the HTML report of a search, made again from its records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.commands.flags import Json

if TYPE_CHECKING:
    from experiments.report.summary import RunSummary


def report(
    study: Annotated[str, typer.Argument(help="A run directory, a journal file or a storage URL.")],
    name: Annotated[str | None, typer.Option(help="Which study, where a storage holds several.")] = None,
    out: Annotated[Path | None, typer.Option(help="HTML file; else report.html in the run directory.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Also the accuracy-against-size figure, PNG.")] = None,
    table: Annotated[Path | None, typer.Option(help="Also the result as one Markdown table.")] = None,
    json: Json = False,
) -> None:
    """Write one self-contained HTML file with the plots and tables of a search."""
    from experiments.files import write_text
    from experiments.output import Output
    from experiments.report.collect import collect
    from experiments.report.markdown import markdown
    from experiments.report.page import headline, write_report
    from experiments.studies import open_study

    output = Output(json)
    found = open_study(study, name)
    file = out or (found.run.report if found.run else Path(f"{found.name}.html"))
    with output.progress.status("drawing the report"):
        summary = collect(found)
        write_report(summary, file)
        if plot is not None and summary.finished:
            _plot(summary, plot)
        if table is not None:
            write_text(table, markdown(summary))
    output.results.print(f"{headline(summary)}\nreport written to {file}", soft_wrap=True, markup=False)
    result = {"report": file, "headline": headline(summary), "finished": len(summary.finished)}
    output.emit({**result, "failed": len(summary.failed), "plot": plot, "table": table})


def _plot(summary: RunSummary, plot: Path) -> None:
    from experiments.report.figures.accuracy import accuracy
    from experiments.report.figures.canvas import render

    plot.parent.mkdir(parents=True, exist_ok=True)
    plot.write_bytes(render(lambda: accuracy(summary, 1000.0), "png"))
