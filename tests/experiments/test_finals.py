"""The finalists' round from the command line: what it keeps, what a resumed run does not do again, a broken file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments.finalists_file import read_finalists
from nas.outcomes import Outcome
from tests.experiments.commands import SETTINGS, run


@pytest.fixture(autouse=True)
def no_data_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPARSENAS_DATA", raising=False)


def test_the_best_finalist_is_retrained_and_a_resumed_run_trains_none_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["search", "--trials", 4, "--name", "a", "--out", tmp_path, "--finalists", 3, "--finalist-epochs", 2]
    said = run(capsys, *asked, "--json", *SETTINGS)
    assert said.code == 0, said.err
    file = tmp_path / "a/finalists.json"
    results = read_finalists(file)
    accuracies = {number: r.val_accuracy for number, r in results.items() if isinstance(r, Outcome)}
    assert len(accuracies) == 3 and all(isinstance(r, Outcome) and r.epochs == 2 for r in results.values())
    assert accuracies[said.json["best"]["trial"]] == max(accuracies.values())
    assert "finalist 3 of 3" in said.err and "Finalists" in (tmp_path / "a/report.html").read_text()

    data = json.loads(file.read_text())
    lost = next(number for number in data["results"] if int(number) != said.json["best"]["trial"])
    del data["results"][lost]  # as if the driver had been killed before this one ended
    file.write_text(json.dumps(data))
    again = run(capsys, *asked, "--json", *SETTINGS)
    assert again.err.count("finalist 3 of 3") == 1 and "finalist 2 of 3" not in again.err
    repeated = read_finalists(file)[int(lost)]
    assert isinstance(repeated, Outcome) and repeated.val_accuracy == accuracies[int(lost)]
    assert read_finalists(file, epochs=3) == {}

    file.write_text("{")
    broken = run(capsys, *asked, *SETTINGS)
    assert broken.code == 2 and "finalists.json must be as a search wrote it" in broken.err
