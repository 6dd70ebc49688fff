"""The network that a command is about: one of the literature by name, or a candidate's from a JSON file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from torch import nn

from experiments.config import data_folder
from experiments.errors import ExperimentError
from nas.candidates import Candidate, read_candidate
from nas.realize import build
from nas.seeds import stream
from nas.tasks import SIGNATURES, Task, load_task
from pruning import MaskSet, check_masks, load_masks
from pruning.naming import unknown
from search_spaces import NETWORKS, Signature


@dataclass(frozen=True)
class Subject:
    """A built network; `candidate` and `task_name` are None where none was given, `data` is the data sets' folder."""

    name: str
    module: nn.Module
    signature: Signature
    candidate: Candidate | None = None
    task_name: str | None = None
    data: Path | None = None

    @cached_property
    def task(self) -> Task | None:
        """The task, its data read when it is first asked for: many a question needs its signature only."""
        return None if self.task_name is None else load_task(self.task_name, data_folder(self.data))


def find_subject(
    network: str | None,
    candidate: Path | None,
    task: str | None,
    data: Path | None,
    *,
    seed: int = 0,
    masks: MaskSet | None = None,
) -> Subject:
    """Return the network that exactly one of `network` and `candidate` names.

    Args:
        network: a name in NETWORKS.
        candidate: a candidate's JSON file.
        task: the task that gives input shape and classes; without it a candidate's file must say which it was
            found for, and a named network takes what `masks` say, or the data of its own paper.
        data: folder of the data sets, or None for the environment's.
        seed: of a named network's initial weights.
        masks: a mask file's content.

    Raises:
        ExperimentError: none or both were given, or the task is not known.
    """
    if (network is None) == (candidate is None):
        raise ExperimentError("exactly one of --network and --candidate must be given; got " + _got(network))
    if candidate is not None:
        return _from_candidate(candidate, task, data)
    if network not in NETWORKS:
        raise ExperimentError(unknown("network", network, NETWORKS))
    reference = NETWORKS[str(network)]
    signature = _signature(task) if task else _recorded(masks) or reference.signature
    module = reference.build(signature, stream(seed, "init"))
    return Subject(str(network), module, signature, task_name=task, data=data)


def checked_masks(subject: Subject, masks: MaskSet, file: Path) -> MaskSet:
    """Return the masks if they are this network's.

    Raises:
        PruningError: a shape differs, or a layer is missing or too many; the message ends with the file.
    """
    from pruning import PruningError

    try:
        check_masks(subject.module, masks)
    except PruningError as error:
        raise PruningError(f"{error} ({file} for {subject.name})") from None
    return masks


def read_masks(file: Path) -> MaskSet:
    """Return the masks of a file (see pruning.load_masks)."""
    return load_masks(file)


def notes(subject: Subject) -> dict[str, str]:
    """Return what a mask file should remember of its network, so that later commands need not be told."""
    signature = subject.signature
    said = {"network": subject.name, "input_shape": json.dumps(signature.input_shape)}
    return said | {"classes": str(signature.classes)} | ({"task": subject.task_name} if subject.task_name else {})


def _from_candidate(file: Path, task: str | None, data: Path | None) -> Subject:
    candidate = read_candidate(file)
    name = task or _task_of(file)
    if name is None:
        raise ExperimentError(f"a candidate needs a task, for its input shape; got none ({file}). Add --task.")
    signature = _signature(name)
    return Subject(str(file), build(candidate, signature), signature, candidate, name, data)


def _signature(task: str) -> Signature:
    if task not in SIGNATURES:
        raise ExperimentError(unknown("task", task, SIGNATURES))
    return SIGNATURES[task]


def _task_of(file: Path) -> str | None:
    task = json.loads(file.read_text()).get("task")  # read_candidate has made sure that it is a JSON object
    return None if task is None else str(task)


def _recorded(masks: MaskSet | None) -> Signature | None:
    try:
        said = masks.metadata if masks is not None else {}
        return Signature(tuple(int(n) for n in json.loads(said["input_shape"])), int(said["classes"]))
    except (KeyError, ValueError, TypeError):  # a mask file of someone else
        return None


def _got(network: str | None) -> str:
    return "neither" if network is None else "both"
