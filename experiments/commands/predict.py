"""`sparsenas predict`: how accurate a masked network will be, without training it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.commands.flags import CandidateFile, Data, Json, Network, TaskName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Generator, Tensor

    from experiments.networks import Subject
    from predictors import Predictor
    from pruning import MaskSet


def predict(
    predictor: Annotated[Path, typer.Option(help="Folder that `sparsenas fit-predictor` or a search wrote.")],
    candidate: CandidateFile = None,
    network: Network = None,
    masks: Annotated[Path | None, typer.Option(help="Mask file of the network, safetensors.")] = None,
    graph: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A graph instead: GraphML, JSON, or a list of edges, one 'from to' a line."),
    ] = None,
    task: TaskName = None,
    data: Data = None,
    training: Annotated[
        str | None, typer.Option(help="How it will train: by default as its candidate says, else static.")
    ] = None,
    json: Json = False,
) -> None:
    """Predict validation accuracy from structure, with its interval and whether the predictor knows such networks."""
    from dataclasses import asdict

    from experiments.errors import ExperimentError
    from experiments.output import Output
    from experiments.report.words import percent
    from predictors import Predictor

    output = Output(json)
    if network is not None and masks is None:
        raise ExperimentError("--network needs --masks, for the masks make the structure; got none.")
    if graph is not None and (network or candidate or masks):
        raise ExperimentError("--graph is a structure by itself; got a network, candidate or masks too. Give one.")
    fitted = Predictor.load(predictor)
    if graph is not None:
        name, row = str(graph), _graph_row(graph, fitted, predictor)
    else:
        task = task or _task_of(fitted, network)
        name, row = _network_row(network, candidate, masks, task, data, training, fitted.feature_names)
    known = {column: row[column] for column in fitted.feature_names if column in row}
    prediction = fitted.predict([known])[0]
    domain = (
        "in the predictor's domain" if prediction.in_domain else "outside the predictor's domain: do not rely on it"
    )
    output.results.print(
        f"{name}: accuracy {percent(prediction.accuracy)}, "
        f"between {percent(prediction.lower)} and {percent(prediction.upper)}; {domain}",
        soft_wrap=True,
        markup=False,
    )
    output.emit(asdict(prediction))


def _task_of(fitted: Predictor, network: str | None) -> str | None:
    """The task that the predictor's networks were trained on; a named network has its own."""
    return None if network else fitted.provenance.get("task")


def _graph_row(graph: Path, fitted: Predictor, predictor: Path) -> dict[str, float]:
    from experiments.errors import ExperimentError
    from predictors import graph_features
    from predictors.graph_files import read_graph_file

    row = graph_features(read_graph_file(graph))
    strange = next((column for column in fitted.feature_names if column not in row), None)
    if strange is not None:
        raise ExperimentError(
            f"a graph's predictor must be fitted on figures of graphs alone; got '{strange}' ({predictor}). "
            f"Fit one on a file of measured graphs: sparsenas fit-predictor GRAPHS.jsonl."
        )
    return row


def _network_row(
    network: str | None,
    candidate: Path | None,
    masks: Path | None,
    task: str | None,
    data: Path | None,
    training: str | None,
    asked: Sequence[str],
) -> tuple[str, dict[str, float]]:
    """The network's name and its features, beside them what the predictor `asked` to know of its training."""
    from experiments.errors import ExperimentError
    from predictors import features
    from predictors.beside import asked_columns
    from pruning.dynamic import STATIC

    subject, chosen = _subject(network, candidate, masks, task, data)
    row = features(subject.module, chosen, subject.signature.input_shape)
    if row["connectivity/effective_share"] == 0:
        raise ExperimentError(
            f"masks must leave a path from input to output, for without one every input gives the same answer; got "
            f"none ({masks or subject.name}). Keep more weights, or mend the masks with pruning.repair."
        )
    way = training or (subject.candidate.training if subject.candidate is not None else STATIC)
    return subject.name, row | asked_columns(way, asked)


def _subject(
    network: str | None, candidate: Path | None, masks: Path | None, task: str | None, data: Path | None
) -> tuple[Subject, MaskSet]:
    """The network and its masks: from the file, or those that the candidate's own pattern gives."""
    from experiments.networks import checked_masks, find_subject, read_masks
    from nas.realize import realize_from

    read = read_masks(masks) if masks else None
    subject = find_subject(network, candidate, task, data, masks=read)
    if read is not None and masks is not None:
        return subject, checked_masks(subject, read, masks)
    assert subject.candidate is not None  # find_subject gives it or refuses

    def samples(count: int, generator: Generator) -> tuple[Tensor, Tensor]:
        assert subject.task is not None  # a candidate has a task or is refused
        return subject.task.evidence(count, generator)

    return subject, realize_from(subject.candidate, subject.signature, samples)[1]
