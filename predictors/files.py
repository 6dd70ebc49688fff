"""A predictor as a folder: predictor.json, the training rows, and one file for each model. No pickle anywhere."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from predictors.beside import TRAINING
from predictors.errors import PredictorError
from predictors.features import FEATURE_VERSION, feature_names
from predictors.features.graphs import graph_feature_names
from predictors.models.arrays import pack, unpack
from predictors.models.model import Floats

_SCHEMA = 1
_NAME = "predictor.json"
_PART = re.compile(r"(training|model|fold\d+)-[0-9a-f]{16}\.(npz|ubj)")
_REFIT = "Fit and save the predictor again."


@dataclass(frozen=True)
class Saved:
    """Everything a predictor's folder holds, as values.

    `models` are the files' contents: the model of all rows, then one for each fold. `folds` and `predictions` (n,)
    are the out-of-fold record that the intervals need; None without intervals.
    """

    settings: dict[str, Any]
    feature_names: tuple[str, ...]
    metrics: dict[str, float]
    provenance: dict[str, str]
    domain_limit: float
    x: Floats
    y: Floats
    folds: npt.NDArray[np.int64] | None
    predictions: Floats | None
    models: Sequence[bytes]
    suffix: str


def write(folder: Path, saved: Saved) -> None:
    """Write the folder; the description last, so that a kill leaves the old predictor or the new one.

    Raises:
        PredictorError: the folder cannot be written.
    """
    contents = {"training.npz": pack(x=saved.x, y=saved.y)}
    for number, content in enumerate(saved.models):
        contents[f"{'model' if number == 0 else f'fold{number:02d}'}.{saved.suffix}"] = content
    parts = {_addressed(name, content): content for name, content in contents.items()}
    text = json.dumps(_sealed(_description(saved, parts)), indent=1, allow_nan=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in parts.items():
            _replace(folder / name, content)
        _replace(folder / _NAME, text.encode())
        for stale in folder.iterdir():
            if _PART.fullmatch(stale.name) and stale.name not in parts:
                stale.unlink()
    except OSError as error:
        raise PredictorError(
            f"predictor folder must be writable; got {error.strerror} ({folder}). Choose another folder."
        ) from error


def read(folder: Path) -> Saved:
    """Return what a folder holds, after checking every byte of it.

    Raises:
        PredictorError: a file is missing or changed, the schema or the feature set is another.
    """
    found = _described(folder / _NAME)
    _check_feature_set(found["features"], folder / _NAME)
    contents = {name: _part(folder / name, digest) for name, digest in found["files"].items()}
    training = next(content for name, content in contents.items() if name.startswith("training-"))
    models = sorted((n for n in contents if not n.startswith("training-")), key=lambda n: (n[0] != "m", n))
    try:
        arrays = unpack(training)
    except (ValueError, zipfile.BadZipFile) as error:
        raise _broken(folder, "training rows in npz", str(error)) from error
    conformal = found["conformal"]
    return Saved(
        settings=found["settings"],
        feature_names=tuple(found["features"]["names"]),
        metrics=found["metrics"],
        provenance=found["provenance"],
        domain_limit=float(found["domain_limit"]),
        x=arrays["x"],
        y=arrays["y"],
        folds=None if conformal is None else np.array(conformal["folds"], dtype=np.int64),
        predictions=None if conformal is None else np.array(conformal["predictions"], dtype=np.float64),
        models=[contents[name] for name in models],
        suffix=models[0].rpartition(".")[2],
    )


def _description(saved: Saved, parts: Mapping[str, bytes]) -> dict[str, Any]:
    ours = _computed(saved.feature_names) <= _computed_here()
    conformal = None
    if saved.folds is not None and saved.predictions is not None:
        conformal = {"folds": saved.folds.tolist(), "predictions": saved.predictions.tolist()}
    packages = ("numpy", "scipy", "scikit-learn", "xgboost", "torch")
    return {
        "schema": _SCHEMA,
        "settings": saved.settings,
        "features": {
            "names": list(saved.feature_names),
            "version": FEATURE_VERSION if ours else None,  # None: columns of a table, not computed here
            "digest": _feature_digest(saved.feature_names, FEATURE_VERSION if ours else None),
        },
        "rows": {"count": len(saved.y), "digest": _sha256(saved.x.tobytes() + saved.y.tobytes())},
        "metrics": saved.metrics,
        "provenance": saved.provenance,
        "domain_limit": saved.domain_limit,
        "conformal": conformal,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
        "files": {name: _sha256(content) for name, content in parts.items()},
    }


def _described(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise PredictorError(
            f"predictor folder must hold {_NAME}; got none ({path.parent}). "
            f"Give the folder that fit-predictor or Predictor.save wrote."
        ) from None
    except OSError as error:
        raise PredictorError(f"{_NAME} must be readable; got {error.strerror} ({path}). Check the path.") from error
    except ValueError as error:
        raise _broken(path, "JSON", str(error)) from error
    if not isinstance(found, dict) or found.get("schema") != _SCHEMA:
        got = found.get("schema") if isinstance(found, dict) else type(found).__name__
        raise _broken(path, f"a predictor of schema {_SCHEMA}", f"schema {got}")
    if found.pop("sha256", None) != _digest(found):
        raise _broken(path, "unchanged since it was saved", "another SHA-256")
    return found


def _part(path: Path, digest: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PredictorError(
            f"every file named in {_NAME} must be there; got {error.strerror} ({path}). Restore it, or fit again."
        ) from error
    if _sha256(content) != digest:
        raise _broken(path, "unchanged since it was saved", "another SHA-256")
    return content


def _check_feature_set(found: Mapping[str, Any], path: Path) -> None:
    if found["version"] is None:
        return
    strange = sorted(_computed(found["names"]) - _computed_here())
    if found["version"] != FEATURE_VERSION or strange:
        got = f"version {found['version']}" + (f" with '{strange[0]}'" if strange else "")
        raise PredictorError(
            f"predictor must be of feature set version {FEATURE_VERSION}; got {got} ({path}). {_REFIT}"
        )


def _computed_here() -> set[str]:
    """Return the names of the figures whose formulas are ours, so that a predictor depends on their version."""
    return {*feature_names(), *graph_feature_names()}


def _computed(names: Sequence[str]) -> set[str]:
    """Return the columns that are computed from structure, which is what the version is about."""
    return {name for name in names if not name.startswith(f"{TRAINING}/")}


def _broken(path: Path, rule: str, got: str) -> PredictorError:
    return PredictorError(f"predictor file must be {rule}; got {got} ({path}). {_REFIT}")


def _addressed(name: str, content: bytes) -> str:
    stem, _, suffix = name.partition(".")
    return f"{stem}-{_sha256(content)[:16]}.{suffix}"


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _sealed(description: dict[str, Any]) -> dict[str, Any]:
    return {**description, "sha256": _digest(description)}


def _digest(description: Mapping[str, Any]) -> str:
    return _sha256(json.dumps(description, sort_keys=True, separators=(",", ":")).encode())


def _feature_digest(names: Sequence[str], feature_version: int | None) -> str:
    return _sha256("\n".join([str(feature_version), *names]).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
