"""Opening studies: the only files that open Optuna's storages are this one and nas/journal.py."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.errors import NasError
from nas.objectives import OBJECTIVES
from nas.records.record import Header, Record
from nas.records.records import Records, read
from search_spaces import Choice

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

FORMAT = "sparsenas/study/1"


def open_records(storage: str | Path, name: str, header: Header, choices: Sequence[Choice]) -> Records:
    """Open the study `name`, or create it.

    Args:
        storage: a path (Optuna journal file) or any storage URL that Optuna knows.
        name: the study's name.
        header: what the study must be about.
        choices: the genome's alphabet.

    Raises:
        NasError: the storage cannot be opened or read, or the study is about something else.
    """
    backend = open_storage(storage)
    optuna = _optuna()
    directions = [OBJECTIVES[name].direction for name in header.objectives]
    study = optuna.create_study(study_name=name, storage=backend, directions=directions, load_if_exists=True)
    found = study.user_attrs.get("sparsenas")
    if found is None:
        if study.get_trials(deepcopy=False) and "sparsenas" not in study.user_attrs:  # nor has another driver said so
            raise NasError(f"study '{name}' must have been made by sparsenas; it holds trials of something else.")
        study.set_user_attr("sparsenas", {"format": FORMAT, **_plain(header)})
        study.set_metric_names(list(header.objectives))
    else:
        _check_header(name, found, header)
    return Records(backend, study._study_id, header, choices)


def read_records(storage: str | Path, name: str | None = None) -> tuple[Header, list[Record]]:
    """Return the header and history of an existing study without writing to it.

    Raises:
        NasError: there is no such study, or it was not made by sparsenas.
    """
    if isinstance(storage, Path) and not storage.exists():
        raise NasError(f"a study's journal must exist; got none ({storage}). Run `sparsenas search` first.")
    backend = open_storage(storage)
    names = {study.study_name: study for study in backend.get_all_studies()}
    if name is None and len(names) == 1:
        name = next(iter(names))
    if name not in names:
        raise NasError(f"a study name must be one of {sorted(names)}; got {name!r} ({storage}). Name one of them.")
    found = names[name].user_attrs.get("sparsenas")
    if found is None:
        raise NasError(f"study '{name}' must have been made by sparsenas; it was not ({storage}).")
    header = _header(found)
    trials = backend.get_all_trials(names[name]._study_id, deepcopy=False)
    return header, [read(trial) for trial in trials]


def open_storage(storage: str | Path) -> BaseStorage:
    """Return Optuna's storage behind a journal path or URL, after checking a journal file line by line.

    Raises:
        NasError: the file is not writable or a line is corrupt, or the URL cannot be opened.
    """
    optuna = _optuna()
    if isinstance(storage, Path):
        from nas.journal import open_journal

        return open_journal(storage)
    try:
        opened: BaseStorage = optuna.storages.get_storage(storage)
        return opened
    except Exception as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise NasError(f"a storage URL must open; got '{first}' ({storage}). Check the URL and the server.") from None


def _optuna() -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return optuna


def _plain(header: Header) -> dict[str, Any]:
    return json.loads(json.dumps(header.__dict__))  # type: ignore[no-any-return]


def _header(found: Mapping[str, Any]) -> Header:
    fields = {name: value for name, value in found.items() if name != "format"}
    return Header(**{**fields, "objectives": tuple(fields["objectives"])})


def _check_header(name: str, found: Mapping[str, Any], header: Header) -> None:
    if found.get("format") != FORMAT:
        raise NasError(f"study '{name}' must have format '{FORMAT}'; got {found.get('format')!r}. Use a new --name.")
    plain = _plain(header)
    _check_training(name, found.get("training", {}), plain.pop("training"))
    for key, value in plain.items():
        if found.get(key) != value:
            raise NasError(
                f"study '{name}' belongs to {key} {found.get(key)!r}; got {value!r}. "
                f"Resume it with the same settings, or choose another --name."
            )


def _check_training(name: str, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Compare what both know: studies of earlier versions say nothing, or know fewer settings."""
    other = [key for key in wanted if key in found and found[key] != wanted[key]]
    if other:
        theirs, mine = (", ".join(f"{key} {_text(those[key])}" for key in other) for those in (found, wanted))
        raise NasError(
            f"study '{name}' trains with {theirs}; got {mine}. Its drivers must train alike: use the same settings, or "
            f"choose another --name."
        )


def _text(value: Any) -> str:
    return ",".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
