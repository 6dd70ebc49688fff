"""The growth benchmark on marks small enough to run: a filled study is one that the real loop goes on with."""

from __future__ import annotations

import importlib
from collections import Counter
from pathlib import Path

import pytest

from nas.records import read_records

module = importlib.import_module("experiments.benchmarks.growth")


def test_a_filled_study_is_searched_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TEMPLATES", 20)
    study = module._Study(tmp_path / "journal.log")
    study.fill(20)
    assert len(study.run(24, "screened")) == 4
    history = read_records(tmp_path / "journal.log")[1]
    assert Counter(record.state for record in history) == {"finished": 24}
    assert [record.number for record in history] == list(range(24))
    assert study.ladder_cost() > 0.0 and study.reopen() >= 0.0
    own, describing, deciding = study.cost("unscreened")
    assert own > 0.0 and describing > 0.0 and deciding < describing
    assert study.proposal_cost("genetic") > 0.0
    assert study.refitting_cost() > 0.0
