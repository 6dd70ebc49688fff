"""The predictor's folder: the same bits back, nothing that runs, and every change noticed."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from predictors import FEATURE_VERSION, MODELS, Predictor, PredictorError, features, files
from tests.predictors.nets import mlp, random_masks
from tests.predictors.tables import table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows, targets = table(24, seed=0)
    Predictor("size_only").fit(rows, targets, provenance={"task": "digits", "space": "mlp"}).save(tmp_path / "p")
    return tmp_path / "p"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("intervals", [True, False])
def test_the_same_bits_come_back(model: str, intervals: bool, tmp_path: Path) -> None:
    rows, targets = table(24, seed=0)
    fresh, _ = table(50, seed=1)
    saved = Predictor(model, coverage=0.8, intervals=intervals, seed=3).fit(rows, targets, provenance={"task": "t"})
    saved.save(tmp_path)
    loaded = Predictor.load(tmp_path)
    assert loaded.predict(fresh) == saved.predict(fresh)
    assert loaded.metrics == saved.metrics and loaded.provenance == saved.provenance
    assert loaded.feature_names == saved.feature_names and loaded.rows == 24
    assert (loaded.model, loaded.coverage, loaded.seed, loaded.intervals) == (model, 0.8, 3, intervals)


def test_a_loaded_predictor_saves_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    Predictor.load(folder).save(tmp_path / "again")
    assert (tmp_path / "again" / "predictor.json").read_bytes() == (folder / "predictor.json").read_bytes()


def test_the_description_says_what_is_inside(folder: Path) -> None:
    found = json.loads((folder / "predictor.json").read_text())
    assert found["rows"]["count"] == 24 and found["provenance"] == {"task": "digits", "space": "mlp"}
    assert set(found["versions"]) == {"python", "numpy", "scipy", "scikit-learn", "xgboost", "torch"}
    assert {path.name for path in folder.iterdir()} == {"predictor.json", *found["files"]}


def test_no_file_holds_python_objects(folder: Path) -> None:
    for path in folder.glob("*.npz"):
        with zipfile.ZipFile(path) as archive:
            assert all(b"'descr': '|O'" not in archive.read(name)[:128] for name in archive.namelist())


def test_saving_over_another_predictor_replaces_it_whole(folder: Path) -> None:
    rows, targets = table(30, seed=1)
    other = Predictor("mean").fit(rows, targets)
    other.save(folder)
    assert Predictor.load(folder).predict(rows) == other.predict(rows)
    listed = json.loads((folder / "predictor.json").read_text())["files"]
    assert {path.name for path in folder.iterdir()} == {"predictor.json", *listed}


def test_a_save_cut_short_leaves_the_old_predictor(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, targets = table(30, seed=1)
    before = Predictor.load(folder).predict(rows)
    replace = files._replace

    def cut(path: Path, content: bytes) -> None:
        if path.name == "predictor.json":
            raise KeyboardInterrupt
        replace(path, content)

    monkeypatch.setattr(files, "_replace", cut)
    with pytest.raises(KeyboardInterrupt):
        Predictor("mean").fit(rows, targets).save(folder)
    assert Predictor.load(folder).predict(rows) == before


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _edit(folder: Path, change: Callable[[dict[str, object]], object], seal: bool) -> None:
    path = folder / "predictor.json"
    found = json.loads(path.read_text())
    change(found)
    if seal:
        found.pop("sha256")
        found = files._sealed(found)
    path.write_text(json.dumps(found))


def _remove(pattern: str) -> Callable[[Path], object]:
    return lambda folder: next(folder.glob(pattern)).unlink()


def _change(pattern: str) -> Callable[[Path], object]:
    return lambda folder: _flip(next(folder.glob(pattern)))


def _describe(content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / "predictor.json").write_bytes(content)


_ABSENT = r"every file named in predictor\.json must be there; got No such file"
_CHANGED = r"predictor file must be unchanged since it was saved; got another SHA-256 \("

DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (lambda f: f.rename(f.with_name("gone")), r"folder must hold predictor\.json; got none \("),
    "no training rows": (_remove("training-*"), _ABSENT),
    "no model": (_remove("model-*"), _ABSENT),
    "model changed": (_change("model-*"), _CHANGED),
    "fold changed": (_change("fold03-*"), _CHANGED),
    "rows changed": (_change("training-*"), _CHANGED),
    "edited": (lambda f: _edit(f, lambda d: d.update(domain_limit=9.0), seal=False), _CHANGED),
    "not JSON": (_describe(b"{"), r"predictor file must be JSON; got Expecting"),
    "not text": (_describe(b"\xff\x00\x01"), r"predictor file must be JSON; got "),
    "a list": (_describe(b"[]"), r"must be a predictor of schema 1; got schema list"),
    "other schema": (lambda f: _edit(f, lambda d: d.update(schema=2), seal=True), r"of schema 1; got schema 2"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_one_line(kind: str, folder: Path) -> None:
    damage, message = DAMAGE[kind]
    damage(folder)
    with pytest.raises(PredictorError, match=message) as caught:
        Predictor.load(folder)
    assert "\n" not in str(caught.value) and str(folder) in str(caught.value)


def test_another_feature_set_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = mlp(6, 8, 3)
    rows = [features(net, random_masks(net, 0.1 * k, k), (6,), ["size"]) for k in range(1, 9)]
    Predictor("mean").fit(rows, [0.1 * k for k in range(8)]).save(tmp_path)
    Predictor.load(tmp_path)
    _edit(tmp_path, lambda d: d.update(features={"names": ["size/old"], "version": FEATURE_VERSION}), seal=True)
    with pytest.raises(
        PredictorError,
        match=rf"set version {FEATURE_VERSION}; got version {FEATURE_VERSION} with 'size/old' \(.*\)\. Fit and sa",
    ):
        Predictor.load(tmp_path)
    Predictor("mean").fit(rows, [0.1 * k for k in range(8)]).save(tmp_path)
    monkeypatch.setattr(files, "FEATURE_VERSION", FEATURE_VERSION + 1)
    with pytest.raises(PredictorError, match=rf"version {FEATURE_VERSION + 1}; got version {FEATURE_VERSION}"):
        Predictor.load(tmp_path)


def test_columns_of_a_table_are_no_feature_set(folder: Path) -> None:
    found = json.loads((folder / "predictor.json").read_text())
    assert found["features"]["version"] is None


def test_an_unwritable_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    rows, targets = table(5, seed=0)
    with pytest.raises(
        PredictorError, match=r"predictor folder must be writable; got .* \(.*\)\. Choose another folder\."
    ):
        Predictor("mean").fit(rows, targets).save(tmp_path / "file")
    with pytest.raises(PredictorError, match=r"predictor must be fitted before it is used"):
        Predictor().save(tmp_path)
