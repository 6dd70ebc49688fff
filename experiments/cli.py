"""The command `sparsenas`: its subcommands, and what becomes of an error (one line, exit code 2)."""

from __future__ import annotations

import os
import sys

import typer

from experiments.commands.bench import bench
from experiments.commands.compact import compact
from experiments.commands.fit_predictor import fit_predictor
from experiments.commands.inspect import inspect
from experiments.commands.predict import predict
from experiments.commands.prune import prune
from experiments.commands.report import report
from experiments.commands.reproduce import reproduce
from experiments.commands.search import search
from experiments.errors import StoppedError
from experiments.failures import BAD_INPUT, INTERRUPTED, explain

app = typer.Typer(
    name="sparsenas",
    help="Search for sparse neural networks: architecture and sparsity together, screened by a predictor.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("search")(search)
app.command("fit-predictor")(fit_predictor)
app.command("predict")(predict)
app.command("prune")(prune)
app.command("inspect")(inspect)
app.command("compact")(compact)
app.command("report")(report)
app.command("bench")(bench)
app.command("reproduce")(reproduce)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 2 bad input (one line on stderr), 130 interrupted.

    With SPARSENAS_TRACEBACK=1 in the environment, bad input shows its traceback too.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        sys.exit(app(arguments or ["--help"], prog_name="sparsenas", standalone_mode=False) or 0)
    except StoppedError as stop:
        _leave(str(stop), INTERRUPTED)
    except (KeyboardInterrupt, typer.Abort):
        _leave("stopped", INTERRUPTED)
    except BrokenPipeError:  # the reader of our stdout, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        line = _usage(error) or explain(error)
        if line is None or os.environ.get("SPARSENAS_TRACEBACK") == "1":
            raise
        _leave(f"error: {line}", BAD_INPUT)


def _usage(error: Exception) -> str | None:
    """The line for a wrong flag or argument; by what it can do, for where its class lives depends on typer."""
    words = getattr(error, "format_message", None)
    return " ".join(str(words()).split()) if callable(words) else None


def _leave(line: str, code: int) -> None:
    sys.stderr.write(line + "\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
