"""Tables to fit on: which columns are features, which rows count, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments.errors import ExperimentError
from experiments.tables import read_csv, samples, with_trainings

ROWS = [
    {"y": "0.5", "size/kept": "10", "paths/log": "1", "seconds": "3", "net": "a"},
    {"y": "", "size/kept": "", "paths/log": "", "seconds": "1", "net": "a"},
    {"y": "0.7", "size/kept": "20", "paths/log": "2", "seconds": "4", "net": "b"},
]


def test_only_named_features_are_features_where_there_are_any() -> None:
    found = samples(ROWS, "y")
    assert found.rows == [{"size/kept": 10.0, "paths/log": 1.0}, {"size/kept": 20.0, "paths/log": 2.0}]
    assert (found.targets, found.dropped, found.groups) == ([0.5, 0.7], 1, None)


def test_a_plain_table_uses_every_column_but_those_named() -> None:
    rows = [{"y": "1", "a": "2", "b": "x", "net": "n1"}, {"y": "3", "a": "4", "b": "y", "net": "n2"}]
    found = samples(rows, "y", exclude=["b"], groups="net")
    assert found.rows == [{"a": 2.0}, {"a": 4.0}] and found.groups == ["n1", "n2"]


def test_groups_of_features_can_be_chosen_and_columns_left_out() -> None:
    assert samples(ROWS, "y", ["size"]).rows == [{"size/kept": 10.0}, {"size/kept": 20.0}]
    assert samples(ROWS, "y", exclude=["size/kept"]).rows == [{"paths/log": 1.0}, {"paths/log": 2.0}]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"target": "val_acuracy"}, "unknown column 'val_acuracy'"),
        ({"target": "y", "exclude": ["secnds"]}, "unknown column 'secnds'; did you mean 'seconds'?"),
        ({"target": "y", "feature_groups": ["path"]}, "unknown feature group 'path'; did you mean 'paths'?"),
        ({"target": "net"}, r"column 'net' must hold finite numbers; got 'a' \(row 1\)"),
        ({"target": "y", "exclude": ["size/kept", "paths/log", "seconds", "net"]}, "at least one column of features"),
    ],
)
def test_what_does_not_fit_is_refused(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(ExperimentError, match=words):
        samples(ROWS, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["nan", "inf", "three"])
def test_a_feature_must_be_a_finite_number(value: str) -> None:
    with pytest.raises(ExperimentError, match=rf"column 'a' must hold finite numbers; got '{value}' \(row 2\)"):
        samples([{"y": "1", "a": "1"}, {"y": "1", "a": value}], "y")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2,3\n", "as many fields as its header"),
        ("a,b\n1\n", "as many fields as its header"),
        ("", "must have a header and rows"),
        ("a,b\n", "must have a header and rows"),
    ],
)
def test_a_broken_file_is_refused(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text(text)
    with pytest.raises(ExperimentError, match=words):
        read_csv(file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="a table must be readable; got 'No such file"):
        read_csv(tmp_path / "none.csv")


def test_rows_that_differ_in_training_are_told_apart_and_others_stay_as_they_are() -> None:
    rows = [{**row, "training": name} for row, name in zip(ROWS, ("gmp", "static", "gmp"), strict=True)]
    found = samples(with_trainings(rows), "y").rows
    assert found[0] == {"size/kept": 10.0, "paths/log": 1.0, "training/static": 0.0, "training/gmp": 1.0}
    chosen = samples(with_trainings(rows), "y", feature_groups=["training"]).rows[0]
    assert chosen == {"training/static": 0.0, "training/gmp": 1.0}
    alike = [{**row, "training": "gmp"} for row in ROWS]
    foreign = [{"y": 1, "training": "static", "a": 2}, {"y": 2, "training": "gmp", "a": 3}]
    other = [{**row, "training": name} for row, name in zip(ROWS, ("gmp", "3 days", "static"), strict=True)]
    for table in (ROWS, alike, foreign, other):
        assert with_trainings(table) == table
