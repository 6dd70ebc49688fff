"""The table of cells as a task: read from a file, asked like a training, refused where it does not know."""

from __future__ import annotations

import gzip
import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from nas.batch_trial import make_batch_runner
from nas.candidates import Candidate
from nas.errors import NasError
from nas.executors import EXECUTORS, Job, Resources, Work
from nas.genomes import CandidateSpace, SparsityChoices
from nas.outcomes import Failure, Outcome
from nas.records import Header, open_records
from nas.screen import Screen, ScreenSettings
from nas.search import Search
from nas.strategies import STRATEGIES
from nas.tasks.nasbench201 import COLUMNS, FILE, nasbench201
from nas.tasks.tabular import TabularTask
from nas.training import Recipe
from nas.trial import TrialSettings, make_runner
from pruning import Sparsity
from search_spaces import SPACES, Architecture, cell_graph

SETTINGS = TrialSettings(Recipe(epochs=200))


def write(folder: Path, change: tuple[str, str] = ("", ""), rows: int = cell_graph.COUNT) -> Path:
    """A table in which a cell's accuracies are its number / 200 percent, each column a hundredth of a point higher."""
    lines = [",".join(("arch_str", *COLUMNS))]
    for number, genes in enumerate(cell_graph.all_cells()[:rows]):
        lines.append(
            ",".join((cell_graph.text(genes), *(f"{number / 200 + c / 100:.3f}" for c in range(len(COLUMNS)))))
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_bytes(gzip.compress("\n".join(lines).replace(*change).encode() + b"\n", 1))
    return folder


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> TabularTask:
    return nasbench201(write(tmp_path_factory.mktemp("data") / "nasbench201").parent)


def candidate(genes: tuple[int, ...], density: float = 1.0) -> Candidate:
    return Candidate(Architecture("cell", genes), Sparsity(method="random", density=density), 0)


def test_a_trial_is_looked_up_and_its_costs_are_counted(task: TabularTask) -> None:
    genes = cell_graph.parse(
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"
    )
    outcome = make_runner(SETTINGS, task)(Job(0, candidate(genes)))
    assert isinstance(outcome, Outcome)
    assert outcome.val_accuracy == pytest.approx((cell_graph.number(genes) / 200 + 0.01) / 100)
    assert outcome.test_accuracy is None
    convolutions = (
        432 + 5 * 3 * 9 * (16**2 + 32**2 + 64**2) + 9 * (16 * 32 + 32**2 + 32 * 64 + 64**2) + 16 * 32 + 32 * 64
    )
    assert outcome.kept == outcome.total == convolutions + 640
    assert outcome.multiply_adds == 113_951_360  # counted by hand, layer by layer


def test_twelve_epochs_are_another_column(task: TabularTask) -> None:
    genes = (1,) * 6
    short = make_runner(replace(SETTINGS, recipe=Recipe(epochs=12)), task)(Job(0, candidate(genes)))
    long = make_runner(SETTINGS, task)(Job(0, candidate(genes)))
    assert isinstance(short, Outcome) and isinstance(long, Outcome)
    assert long.val_accuracy - short.val_accuracy == pytest.approx(0.0001)


def test_a_cell_of_no_operation_is_a_network_too(task: TabularTask) -> None:
    assert isinstance(make_runner(SETTINGS, task)(Job(0, candidate((0,) * 6))), Outcome)


def test_what_the_table_does_not_know_is_a_failure_that_says_so(task: TabularTask) -> None:
    sparse = make_runner(SETTINGS, task)(Job(0, candidate((1,) * 6, density=0.5)))
    other = make_runner(replace(SETTINGS, recipe=Recipe(epochs=7)), task)(Job(0, candidate((1,) * 6)))
    moved = make_runner(SETTINGS, task)(Job(0, replace(candidate((1,) * 6), training="rigl")))
    for failure in (sparse, other, moved):
        assert isinstance(failure, Failure) and failure.error == "infeasible"
        assert "dense networks, static, of space 'cell' after 200 or 12 epochs" in failure.message
    assert isinstance(sparse, Failure) and "got density 0.5" in sparse.message
    assert isinstance(other, Failure) and "after 7" in other.message


def test_files_that_are_no_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NasError, match="must have a data folder"):
        nasbench201(None)
    with pytest.raises(NasError, match=r"must find nasbench201\.csv\.gz; got none"):
        nasbench201(tmp_path)
    (tmp_path / FILE).write_bytes(b"no gzip")
    with pytest.raises(NasError, match=r"must be a gzipped CSV file"):
        nasbench201(tmp_path)
    with pytest.raises(NasError, match=r"must name a cell .* cell must read .*line 2\)"):
        nasbench201(write(tmp_path / "a", ("none~0", "nothing~0"), rows=3))
    with pytest.raises(NasError, match=r"column 'c10_val_12' must hold 15625 accuracies in percent; got 3"):
        nasbench201(write(tmp_path / "b", rows=3))
    with pytest.raises(NasError, match=r"must name a cell and its accuracies; got 'c10_val_200'"):
        nasbench201(write(tmp_path / "c", ("c10_val_200", "other"), rows=3))


@pytest.mark.data
def test_the_real_table_has_the_published_best() -> None:
    data = os.environ.get("SPARSENAS_DATA")
    if data is None or not any((Path(data) / place / FILE).is_file() for place in (".", "nasbench201")):
        pytest.skip(f"{FILE} not found: set SPARSENAS_DATA")
    table = nasbench201(Path(data)).table
    best = int(table.columns["c10_val_200"].argmax())
    cell = "|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|"
    assert cell_graph.all_cells()[best] == cell_graph.parse(cell)
    assert cell_graph.canonical(cell_graph.parse(cell)) == cell_graph.parse(cell)
    assert table.columns["c10_test_200"].max() == pytest.approx(0.94373333)


def test_a_search_on_the_table_needs_no_training(tmp_path: Path, task: TabularTask) -> None:
    """Guided from the 12th trial on: accuracy is the cell's number, so the first edges decide and are soon learnt."""
    candidates = CandidateSpace(SPACES["cell"], SparsityChoices(densities=(1.0,)), task.signature)
    header = Header("nasbench201", "cell", ("val_accuracy",), 0, "choices")
    records = open_records(tmp_path / "journal.log", "study", header, candidates.choices)
    screen = Screen(candidates, task, header.objectives, ScreenSettings(minimum=12, explore=0.0))
    with closing(EXECUTORS["local"](Work(make_runner, SETTINGS, task), Resources(workers=0))) as executor:
        history = Search(STRATEGIES["random"], screen, executor, records, candidates).run(24)
    assert all(record.state == "finished" for record in history)
    assert len({record.digest for record in history}) == 24
    accuracies = [record.outcome.val_accuracy for record in history if isinstance(record.outcome, Outcome)]
    assert sum(accuracies[12:]) > sum(accuracies[:12])


def test_what_must_be_measured_on_a_network_is_refused_before_anything_starts(task: TabularTask) -> None:
    settings = replace(SETTINGS, measures=("latency_seconds",))
    for make in (make_runner, make_batch_runner):
        with pytest.raises(NasError, match="got latency_seconds, which is measured on a trained network") as error:
            make(settings, task)
        assert "\n" not in str(error.value)
