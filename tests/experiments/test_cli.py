"""The command line as a whole: speed of help, exit codes, one line for bad input, JSON alone on stdout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from experiments import cli, failures
from experiments.errors import ExperimentError, StoppedError
from experiments.output import dumps
from tests.experiments.commands import run

HEAVY = ("torch", "ray", "xgboost", "matplotlib", "optuna", "sklearn", "deap", "numpy")


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_help_imports_nothing_heavy() -> None:
    loaded = python(
        "import sys, experiments.cli as c\n"
        "try: c.main(['search', '--help'])\n"
        "except SystemExit: print('LOADED', *[m for m in sys.modules if '.' not in m])"
    ).stdout.rpartition("LOADED")[2].split()  # fmt: skip
    assert not set(loaded) & set(HEAVY)


def test_contract_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    said = run(capsys, "--help")
    assert said.code == 0
    for command in ("search", "fit-predictor", "predict", "prune", "inspect", "report"):
        assert command in said.out
        assert run(capsys, command, "--help").code == 0


def test_no_arguments_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert "fit-predictor" in run(capsys).out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["serach"], "No such command 'serach'. Did you mean 'search'?"),
        (["search", "--trails", "3"], "No such option: --trails"),
        (["search", "--trials", "many"], "Invalid value for '--trials'"),
        (["predict", "--network", "lenet5"], "Missing option '--predictor'"),
        (["inspect"], "Missing argument 'FILE.safetensors'"),
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert words in run(capsys, *arguments).error


def test_package_errors_and_file_errors_are_explained() -> None:
    from nas.errors import NasError
    from predictors.errors import PredictorError
    from pruning import PruningError
    from search_spaces import SpaceError

    for kind in (ExperimentError, NasError, PredictorError, PruningError, SpaceError):
        assert failures.explain(kind("density must be\n  small")) == "density must be small"
    missing = FileNotFoundError(2, "No such file or directory", "/there/x")
    assert failures.explain(missing) == (
        "a file or folder must be usable; got 'No such file or directory' (/there/x). Check the path."
    )
    assert failures.explain(KeyError("a fault of ours")) is None


def test_a_fault_of_the_program_keeps_its_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "app", raising(KeyError("ours")))
    with pytest.raises(KeyError):
        cli.main(["search"])


def test_traceback_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARSENAS_TRACEBACK", "1")
    with pytest.raises(ExperimentError):
        cli.main(["report", "/nowhere"])


@pytest.mark.parametrize(("error", "line"), [(StoppedError("kept 3"), "kept 3"), (KeyboardInterrupt(), "stopped")])
def test_interruption_exits_130(
    error: BaseException, line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "app", raising(error))
    said = run(capsys, "search")
    assert (said.code, said.out, said.err) == (130, "", line + "\n")


def test_closed_pipe_is_no_error() -> None:
    code = f"{sys.executable} -m experiments.cli search --help | head -n 1"
    ended = subprocess.run(["bash", "-o", "pipefail", "-c", code], capture_output=True, text=True, check=False)
    assert ended.stderr == ""


def test_json_is_strict() -> None:
    class Scalar:
        def item(self) -> float:
            return float("inf")

    data: dict[Any, Any] = {"a": float("nan"), "b": (1, True, None), "c": Path("/x"), 4: {"d": Scalar()}}
    assert dumps(data) == '{"a": null, "b": [1, true, null], "c": "/x", "4": {"d": null}}'


def raising(error: BaseException):  # type: ignore[no-untyped-def]
    def app(*args: object, **kwargs: object) -> None:
        raise error

    return app
