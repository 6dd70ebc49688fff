"""Columns of the training: one for each, kept with the saved model, outside what its feature version is about."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from predictors import Predictor, PredictorError
from predictors.beside import asked_columns, training_columns
from predictors.features import FEATURE_VERSION, feature_names

TRAININGS = ("static", "gmp")


def test_there_is_one_column_a_training_where_there_are_several() -> None:
    assert training_columns("gmp", TRAININGS) == {"training/static": 0.0, "training/gmp": 1.0}
    assert training_columns("gmp", ("gmp",)) == {}
    assert asked_columns("gmp", ("size/log_kept",)) == {}
    with pytest.raises(PredictorError, match=r"unknown training 'gpm'; did you mean 'gmp'.*Fit a predictor"):
        asked_columns("gpm", ("training/static", "training/gmp"))


def test_a_saved_predictor_tells_networks_apart_that_differ_in_training_only(tmp_path: Path) -> None:
    """Accuracy is the training's alone; the file is of the feature version although it has columns beside it."""
    rng = np.random.default_rng(0)
    names = [TRAININGS[i % 2] for i in range(40)]
    structure = [dict.fromkeys(feature_names(), 0.0) | {feature_names()[0]: float(rng.random())} for _ in names]
    rows = [{**row, **training_columns(name, TRAININGS)} for row, name in zip(structure, names, strict=True)]
    fitted = Predictor("nearest", intervals=False).fit(rows, [0.9 if name == "gmp" else 0.5 for name in names])
    fitted.save(tmp_path)
    read = Predictor.load(tmp_path)
    asked = [{**structure[0], **asked_columns(name, read.feature_names)} for name in TRAININGS]
    static, gmp = (prediction.accuracy for prediction in read.predict(asked))
    assert static < 0.6 and gmp > 0.8
    assert json.loads((tmp_path / "predictor.json").read_text())["features"]["version"] == FEATURE_VERSION
