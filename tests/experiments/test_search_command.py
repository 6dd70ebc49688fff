"""A small search from the command line, end to end, and every command on what it leaves behind."""

from __future__ import annotations

import csv
import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments.config import read_config
from experiments.report.collect import collect
from experiments.run_directory import driving
from experiments.studies import open_study
from nas.best import load_best
from nas.realize import realize
from nas.tasks import load_task
from pruning import MaskSet, load_masks, save_masks
from tests.experiments.commands import SETTINGS, SMALL, Said, run


@pytest.fixture(scope="module", autouse=True)
def no_data_variable() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SPARSENAS_DATA", raising=False)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs") / "a"


@pytest.fixture(scope="module")
def searched(folder: Path, module_capsys: pytest.CaptureFixture[str]) -> Said:
    said = run(module_capsys, "search", "--trials", 5, "--name", "a", "--out", folder.parent, "--json", *SETTINGS)
    assert said.code == 0, said.err
    return said


@pytest.fixture(scope="module")
def module_capsys(request: Any) -> Iterator[pytest.CaptureFixture[str]]:
    from _pytest.capture import SysCapture

    capture = pytest.CaptureFixture(SysCapture, request, _ispytest=True)
    capture._start()
    yield capture
    capture.close()


def test_search_leaves_everything_in_its_folder(searched: Said, folder: Path) -> None:
    found = searched.json
    assert (found["finished"], found["failed"]) == (5, 0)
    best = {path.name for path in (folder / "best").iterdir()}
    assert best == {"architecture.json", "masks.safetensors", "weights.safetensors", "load.py"}
    for name in ("config.yaml", "journal.log", "records.csv", "report.html", "predictor/predictor.json"):
        assert (folder / name).is_file(), name
    assert read_config(folder / "config.yaml").trials == 5
    assert found["best"]["test_accuracy"] == json.loads((folder / "best/architecture.json").read_text())["outcome"][
        "test_accuracy"
    ]  # fmt: skip


def test_best_is_the_most_accurate_and_front_is_not_dominated(searched: Said, folder: Path) -> None:
    with (folder / "records.csv").open() as lines:
        rows = [(float(row["val_accuracy"]), int(row["kept"])) for row in csv.DictReader(lines)]
    assert searched.json["best"]["val_accuracy"] == max(accuracy for accuracy, _ in rows)
    front = {(member["accuracy"], member["kept"]) for member in searched.json["front"]}
    brute = {p for p in rows if not any(q != p and q[0] >= p[0] and q[1] <= p[1] for q in rows)}
    assert front == brute


def test_rungs_train_the_best_for_longer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = [*SMALL[2:], "--trials", 9, "--rungs", "1,2", "--name", "b", "--method", "random", "--min-density", 0.1]
    found = run(capsys, "search", "--out", tmp_path, "--json", *settings)
    assert found.code == 0, found.err
    assert found.json["finished"] == 9
    with (tmp_path / "b" / "records.csv").open() as lines:
        rows = [row for row in csv.DictReader(lines) if row["state"] == "finished"]
    epochs = [int(row["epochs"]) for row in rows]
    assert epochs.count(1) == 9 and epochs.count(2) >= 3
    assert all(row["digest"] in {r["digest"] for r in rows if r["epochs"] == "1"} for row in rows)
    best = next(row for row in rows if int(row["number"]) == found.json["best"]["trial"])
    assert best["epochs"] == "2"
    assert "after 2 epochs" in found.err
    assert read_config(tmp_path / "b" / "config.yaml").epochs == 2
    assert not (tmp_path / "b" / "checkpoints").exists()
    shown = [trial.number for trial in collect(open_study(str(tmp_path / "b"))).trials]
    assert shown == sorted(shown)  # a picture of the best so far goes from left to right
    refused = run(capsys, "search", "--out", tmp_path, "--name", "b", "--rungs", "1,3")
    assert "must stay" in refused.error


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--rungs", "3,1"), "rungs must rise to the epochs, 1; got 3, 1"),
        (("--rungs", "1,3", "--epochs", "9"), "rungs must rise to the epochs, 9; got 1, 3"),
        (("--rungs", "one"), "--rungs must be whole numbers with commas between; got 'one'"),
        (("--rungs", "1,3", "--eta", "1"), "eta must be a whole number of at least 2; got 1"),
    ],
)
def test_rungs_that_are_none_are_refused(
    flags: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in run(capsys, "search", "--out", tmp_path, *flags).error


def test_nothing_is_screened_before_there_are_enough_records(searched: Said, folder: Path) -> None:
    """Whether anything is afterwards depends on what the guides can rank; tests/nas/test_guidance.py covers that."""
    with (folder / "records.csv").open() as lines:
        predicted = [row["prediction"] != "" for row in csv.DictReader(lines)]
    assert predicted[:3] == [False, False, False]
    assert "screening off: 0 of 3 records" in searched.err


def test_the_snippet_loads_and_runs_the_best(searched: Said, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(folder / "best" / "load.py"), run_name="__main__")
    assert f"density {searched.json['best']['density']:.3f}" in capsys.readouterr().out


def test_same_command_again_trains_nothing(searched: Said, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (folder / "records.csv").read_bytes()
    weights = (folder / "best" / "weights.safetensors").stat().st_mtime_ns
    said = run(capsys, "search", folder / "config.yaml", "--json")
    assert said.json["best"] == searched.json["best"]
    assert (folder / "records.csv").read_bytes() == before
    assert (folder / "best" / "weights.safetensors").stat().st_mtime_ns == weights


def test_more_trials_extend_the_run(searched: Said, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = run(capsys, "search", "--name", "a", "--out", folder.parent, "--trials", 6)
    assert said.code == 0 and "[6/6]" in said.err
    assert read_config(folder / "config.yaml").space == "mlp"
    for words in ("Pareto front", "test accuracy on digits", "report.html", "best network"):
        assert words in said.out


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--task", "mnist"], "task must stay digits in this run; got mnist"),
        (["--space", "convnet"], "space must stay mlp in this run; got convnet"),
        (
            ["--objective", "val_accuracy", "--objective", "kept", "--objective", "multiply_adds"],
            "objectives must stay",
        ),
        (["--max-density", "1.5"], "max_density must be in (0, 1]; got 1.5 (--max-density)"),
        (["--min-density", "nan"], "min_density must be in (0, 1]; got nan (--min-density)"),
    ],
)
def test_a_run_of_another_kind_is_refused(
    flags: list[str], words: str, searched: Said, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (folder / "journal.log").read_bytes()
    assert words in run(capsys, "search", "--name", "a", "--out", folder.parent, *flags).error
    assert (folder / "journal.log").read_bytes() == before


def test_study_in_a_storage_of_another_task_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from experiments.config import resolve
    from experiments.run_directory import RunDirectory
    from experiments.searching import prepare

    storage = f"sqlite:///{tmp_path}/studies.db"
    config = resolve(None, {"storage": storage, "name": "s", "out": tmp_path / "one", "space": "mlp"})
    prepare(config, RunDirectory(config.folder))
    line = run(capsys, "search", "--storage", storage, "--name", "s", "--out", tmp_path / "two", "--seed", 7).error
    assert "study 's' belongs to" in line
    assert not (tmp_path / "two" / "s" / "config.yaml").exists()
    assert run(capsys, "report", storage, "--out", tmp_path / "r.html", "--json").json["finished"] == 0


def test_interruption_keeps_what_is_finished_and_says_how_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from experiments.terminal.search_progress import SearchProgress
    from nas.events import Closed, Event

    heard = SearchProgress.__call__

    def interrupt(self: SearchProgress, event: Event) -> None:
        heard(self, event)
        if isinstance(event, Closed):
            raise KeyboardInterrupt

    monkeypatch.setattr(SearchProgress, "__call__", interrupt)
    said = run(capsys, "search", "--trials", 2, "--name", "c", "--out", tmp_path, *SETTINGS)
    last = said.err.strip().splitlines()[-1]
    config = tmp_path / "c" / "config.yaml"
    assert said.code == 130
    assert last == (
        f"stopped: 1 of 2 trials are finished and kept in {tmp_path / 'c'}. Resume: sparsenas search {config}"
    )
    monkeypatch.undo()
    assert run(capsys, "search", config, "--json").json["finished"] == 2


def test_corrupt_journal_is_refused_and_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_folder = tmp_path / "j"
    run_folder.mkdir()
    (run_folder / "journal.log").write_text('{"op_code": 0}\nnot json\n')
    line = run(capsys, "search", "--name", "j", "--out", tmp_path, *SETTINGS).error
    assert "every journal line must be a JSON object; line 2" in line
    assert (run_folder / "journal.log").read_text().endswith("not json\n")


def test_missing_data_and_unwritable_folders_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "nothing"
    empty.mkdir()
    assert str(empty) in run(capsys, "search", "--task", "mnist", "--data", empty, "--out", tmp_path).error
    (tmp_path / "file").write_text("")
    assert "a run directory must be writable" in run(capsys, "search", "--out", tmp_path / "file").error


def test_report_can_be_made_again(
    searched: Said, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, plot = tmp_path / "again.html", tmp_path / "plot.png"
    said = run(capsys, "report", folder, "--out", out, "--plot", plot, "--json")
    assert said.json["report"] == str(out) and out.stat().st_size > 10_000
    assert plot.read_bytes().startswith(b"\x89PNG")
    from_journal = run(capsys, "report", folder / "journal.log", "--out", tmp_path / "j.html", "--json")
    assert from_journal.json["finished"] == said.json["finished"]
    assert "a study must be a run directory" in run(capsys, "report", tmp_path / "none").error


def test_predict_answers_for_candidate_and_masks_alike(
    searched: Said, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    best = folder / "best"
    asked = ["predict", "--predictor", folder / "predictor", "--candidate", best / "architecture.json", "--json"]
    found = run(capsys, *asked).json
    assert set(found) == {"accuracy", "lower", "upper", "in_domain"}
    assert 0 <= found["lower"] <= found["accuracy"] <= found["upper"] <= 1
    assert run(capsys, *asked, "--masks", best / "masks.safetensors").json == found
    line = run(capsys, *asked[:-1]).out
    assert len(line.splitlines()) == 1 and "accuracy" in line


def test_predict_refuses_masks_without_a_path(
    searched: Said, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    masks = load_masks(folder / "best/masks.safetensors")
    last = list(masks)[-1]
    save_masks(MaskSet({**masks, last: torch.zeros_like(masks[last])}), tmp_path / "cut.safetensors")
    asked = ["predict", "--predictor", folder / "predictor", "--candidate", folder / "best/architecture.json"]
    error = run(capsys, *asked, "--masks", tmp_path / "cut.safetensors").error
    assert "masks must leave a path from input to output" in error and "cut.safetensors" in error


def test_predict_reads_data_only_for_methods_that_look_at_them(
    searched: Said, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    candidate = json.loads((folder / "best/architecture.json").read_text())["candidate"]
    asked = ["predict", "--predictor", folder / "predictor", "--task", "cifar10", "--candidate", tmp_path / "c.json"]
    for method, code in (("magnitude", 0), ("snip", 2)):
        candidate["sparsity"]["method"] = method
        (tmp_path / "c.json").write_text(json.dumps(candidate))
        said = run(capsys, *asked)
        assert said.code == code, said.err
    assert "cifar10" in said.error and "SPARSENAS_DATA" in said.error


def test_fit_predictor_from_study_and_from_its_table(
    searched: Said, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "p"
    study = run(capsys, "fit-predictor", folder, "--evaluate", "--out", out, "--json").json
    table = run(capsys, "fit-predictor", folder / "records.csv", "--json").json
    assert {"r2", "mae", "spearman", "kendall", "coverage", "baselines"} <= set(study)
    assert set(study["baselines"]) == {"mean", "size_only"}
    assert study["r2"]["low"] <= study["r2"]["mean"] <= study["r2"]["high"] and study["single_columns"]
    assert run(capsys, "fit-predictor", folder, "--json").json["mae"] == pytest.approx(table["mae"])
    assert (out / "predictor.json").is_file()
    chosen = ["--features", "size", "--exclude", "size/kept", "--out", out]
    fewer = run(capsys, "fit-predictor", folder, *chosen, "--json")
    if fewer.code:  # the excluded column's name is the predictors' own affair
        assert "unknown column" in fewer.error
    line = run(capsys, "fit-predictor", folder, "--features", "sizes").error
    assert "unknown feature group 'sizes'; did you mean 'size'?" in line
    assert "unknown column 'acc'" in run(capsys, "fit-predictor", folder, "--target", "acc").error
    assert "unknown predictor model 'xgbost'" in run(capsys, "fit-predictor", folder, "--model", "xgbost").error


def test_a_search_is_narrowed_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["search", "--trials", 3, "--name", "narrow", "--out", tmp_path, "--final-epochs", 0, *SETTINGS]
    said = run(capsys, *asked, "--final-epochs", 0, "--only", "layers=1", "--only", "*.width=16,32")
    assert said.code == 0, said.err
    with (tmp_path / "narrow/records.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert {row["architecture:layers"] for row in rows} == {"1"}
    assert {row["architecture:layer1.width"] for row in rows} <= {"16", "32"}
    for only, line in (
        ("layers", "--only must be GLOB=VALUE,VALUE"),
        ("layer=1", "did you mean 'layer"),
        ("layers=9", "must be one of"),
    ):
        assert line in run(capsys, *asked, "--name", "other", "--only", only).error


def test_a_search_may_propose_how_masks_move(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The saved masks are those of the end of the retraining: what is not kept is zero in the saved weights."""
    trainings = ("--training", "rigl", "--training", "gmp")
    flags = (*SMALL, "--method", "random", "--max-density", 0.3, *trainings)
    said = run(capsys, "search", "--trials", 3, "--name", "moving", "--out", tmp_path, "--json", *flags)
    assert said.code == 0, said.err
    with (tmp_path / "moving/records.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert {row["training"] for row in rows} <= {"rigl", "gmp"}
    for row in rows:
        spent, kept = float(row["training_density"]), float(row["density"])
        assert spent == pytest.approx(kept) if row["training"] == "rigl" else spent > kept
    network = load_best(tmp_path / "moving/best")
    assert network.outcome is not None and network.outcome.kept == network.masks.kept
    start = realize(network.candidate, load_task("digits"))[1]
    assert network.masks.counts() == start.counts() and network.masks != start
    for name, mask in network.masks.items():
        assert not bool(network.module.get_parameter(name)[~mask].any())
        assert bool(network.module.get_parameter(name)[mask].any())


def test_a_search_helps_another_through_its_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["--space", "mlp", "--epochs", 1, "--final-epochs", 0, "--workers", 0, "--name", "s", "--json"]
    first = run(capsys, "search", *settings, "--out", tmp_path / "one", "--trials", 2).json
    journal = tmp_path / "one" / "s" / "journal.log"
    second = run(capsys, "search", *settings, "--out", tmp_path / "two", "--storage", journal, "--trials", 3).json
    assert (first["finished"], second["finished"]) == (2, 3)
    assert not (tmp_path / "two" / "s" / "journal.log").exists()
    assert run(capsys, "report", tmp_path / "two" / "s", "--json").json["finished"] == 3
    with driving(tmp_path / "one" / "s"):
        line = run(capsys, "search", *settings, "--out", tmp_path / "one", "--trials", 4).error
    assert f"with another --out and --storage {journal}" in line
