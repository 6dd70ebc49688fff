"""Flags that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="One JSON object on stdout; all else on stderr.")]
Data: TypeAlias = Annotated[
    Path | None, typer.Option(help="Folder of the data sets; else the environment's SPARSENAS_DATA.")
]
Network: TypeAlias = Annotated[str | None, typer.Option(help="A network of the literature: resnet20, vgg16, ...")]
CandidateFile: TypeAlias = Annotated[
    Path | None, typer.Option("--candidate", help="A candidate's JSON, such as a run's best/architecture.json.")
]
TaskName: TypeAlias = Annotated[
    str | None,
    typer.Option(help="The task whose input shape and training images to use: digits, mnist, cifar10, reber, ..."),
]
Init: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--init",
        help="Initialise the weights anew: orthogonal, delta_orthogonal, he, glorot, lecun, density_scaled_he; "
        "else the network's own.",
        rich_help_panel="Initial weights",
    ),
]
Gain: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Factor of --init and the singular value --isometry aims at: a number, or the activation's name "
        "(relu, tanh, ...).",
        rich_help_panel="Initial weights",
    ),
]
Isometry: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="Bring the kept weights back towards isometry after pruning: approximate_isometry, scaled_isometry, "
        "published_isometry.",
        rich_help_panel="Initial weights",
    ),
]
