"""The report is one file that needs no other, says what the summary says, and survives runs with little in them."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from experiments.report.agreement import agreement
from experiments.report.markdown import markdown
from experiments.report.page import headline, page, write_report
from experiments.report.summary import RunSummary
from experiments.report.words import count, duration, network, percent, share, short_count
from tests.experiments.summaries import summary


class Document(HTMLParser):
    """Collects tags with their attributes, checks that they nest, and keeps the visible text."""

    VOID = ("meta", "img", "source", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data + " "


@pytest.fixture(scope="module")
def run() -> RunSummary:
    return summary()


@pytest.fixture(scope="module")
def html(run: RunSummary) -> str:
    return page(run)


def test_report_needs_nothing_but_itself(html: str) -> None:
    document = Document(html)
    assert "http:" not in html and "https:" not in html and "url(" not in html and "@import" not in html
    assert not {tag for tag, _ in document.tags} & {"script", "link", "iframe", "object"}
    sources = [a.get("src") or a.get("srcset") or "" for tag, a in document.tags if tag in ("img", "source")]
    assert len(sources) == 2 * 5
    for source in sources:
        kind, _, data = source.partition(",")
        assert kind == "data:image/svg+xml;base64"
        assert ElementTree.fromstring(base64.b64decode(data)).tag.endswith("svg")


def test_every_picture_is_described(html: str) -> None:
    assert all(a.get("alt") for tag, a in Document(html).tags if tag == "img")


def test_report_says_what_the_run_came_to(run: RunSummary, html: str) -> None:
    text = Document(html).text
    assert headline(run) in text and "88.43" in headline(run)
    assert f"{len(run.finished)} trials finished, {len(run.failed)} failed" in text
    assert run.command in text and "strategy" not in run.config
    for trial in run.front:
        assert count(trial.kept) in text
    for trial in run.failed:
        assert trial.message in text  # with its angle brackets, so the file has them escaped


def test_messages_cannot_inject_markup(run: RunSummary) -> None:
    evil = replace(run.failed[0], message="<script>alert(1)</script>")
    assert "<script" not in page(replace(run, trials=(evil,), best=None, name="<script>", command="<script>"))


@pytest.mark.parametrize("trials", [1, 2])
def test_report_of_a_run_that_has_just_begun(trials: int) -> None:
    small = summary(trials)
    text = Document(page(small)).text
    assert "The screen was off: it begins at 16 finished trials." in text


def test_report_of_a_run_without_any_finished_trial(run: RunSummary) -> None:
    empty = replace(run, trials=run.failed, best=None, stages={})
    assert "No trial has finished yet" in Document(page(empty)).text
    assert "No trial has finished yet" in Document(page(replace(run, trials=(), best=None))).text


def test_report_is_written_whole_and_the_same_each_time(run: RunSummary, html: str, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "report.html"
    write_report(run, file)
    assert file.read_text(encoding="utf-8") == html
    assert [path.name for path in file.parent.iterdir()] == ["report.html"]


def test_agreement_against_its_definition(run: RunSummary) -> None:
    found = agreement(run)
    pairs = [(t.expected, t.accuracy) for t in run.finished if t.expected and t.accuracy is not None]
    assert found is not None and found.count == len(pairs)
    errors = [abs(expected.accuracy - accuracy) for expected, accuracy in pairs]
    assert found.mean_absolute_error == pytest.approx(sum(errors) / len(errors))
    inside = [e.lower <= a <= e.upper for e, a in pairs if e.lower is not None and e.upper is not None]
    assert found.covered == pytest.approx(sum(inside) / len(inside))
    assert agreement(replace(run, trials=run.failed)) is None


def test_words() -> None:
    def plain(text: str) -> str:
        return re.sub("\u202f", " ", text)

    assert [plain(share(v)) for v in (0.0053, 0.042, 0.2, 1.0)] == ["0.53 %", "4.2 %", "20 %", "100 %"]
    assert [plain(percent(v)) for v in (0.934, None)] == ["93.4 %", "–"]
    assert [plain(count(v)) for v in (999, 1_234_567)] == ["999", "1 234 567"]
    assert [plain(short_count(v)) for v in (12, 3_140, 250_000, 12_000_000)] == ["12", "3.1 k", "250 k", "12.0 M"]
    assert [plain(duration(v)) for v in (0.028, 4.1, 52.4, 59.7, 200, 7500)] == [
        "28 ms",
        "4.1 s",
        "52 s",
        "1 min 0 s",
        "3 min 20 s",
        "2 h 5 min",
    ]


def test_a_network_in_words_leaves_out_what_it_does_not_have() -> None:
    stages = {"stages": 1, "activation": "relu", "stage1.kind": "plain", "stage1.width": 8, "stage2.width": 16}
    assert network(stages) == "1 stage, relu; stage1: plain, width 8"
    assert network({"layers": 2, "layer1.width": 8, "layer2.width": 4, "layer3.width": 8}) == (
        "2 layers; layer1: width 8; layer2: width 4"
    )
    assert network({}) == ""


def test_finalists_are_shown_best_first_and_a_failed_one_with_its_reason(run: RunSummary, html: str) -> None:
    text = Document(html).text
    shown = text[text.index("The best trials, trained again") : text.index("Networks than which no other")]
    assert 0 < shown.index("87.40") < shown.index("training loss must stay finite")
    assert run.best is not None
    assert "Finalists" not in page(replace(run, best=replace(run.best, finalists=())))


def test_markdown_table_says_what_the_run_came_to(run: RunSummary) -> None:
    text = markdown(run)
    assert all(line.startswith("| ") and line.endswith(" |") for line in text.splitlines() if "---" not in line)
    trial, found = run.best_trial, agreement(run)
    assert trial is not None and found is not None
    assert f"{len(run.finished)} finished" in text and f"{count(trial.kept)} of {count(trial.total)}" in text
    assert "**88.43" in text and "87.40" in text and f"mean absolute error {percent(found.mean_absolute_error)}" in text
    begun = markdown(summary(0))
    assert "0 finished" in begun and "best network" not in begun
