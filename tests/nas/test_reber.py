"""The Reber tasks; the oracle of every label is an automaton written a second time, as regular expressions."""

from __future__ import annotations

import os
import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.errors import NasError
from nas.tasks import load_task
from nas.tasks.reber import extrapolation, reber_corpus
from nas.tasks.reber.corpus import Corpus, checked, corpus, tokens
from nas.tasks.reber.grammar import EMBEDDED, LETTERS, REBER, Grammar
from nas.tasks.reber.legality import legal_next, legality
from nas.tasks.reber.negatives import NEGATIVES, illegal_letters, single_edit, wrong_end
from nas.tasks.reber.one_hot import OneHot
from nas.tasks.reber.shortcuts import shortcuts
from nas.tasks.reber.strings import Drawing, draw

# State 3 is (T* V)(P X T* V)* and leaves by V or P S; the upper branch enters it after T S* X X.
_LOOP = "T*V(?:PXT*V)*(?:V|PS)"
_INNER = f"(?:TS*XS|TS*XX{_LOOP}|P{_LOOP})"
ORACLE = {
    "reber": re.compile(f"B{_INNER}E"),
    "embedded": re.compile(f"BTB{_INNER}ETE|BPB{_INNER}EPE"),
}

grammars = pytest.mark.parametrize("grammar", [REBER, EMBEDDED], ids=lambda g: g.name)


def true(grammar: Grammar, string: str) -> bool:
    return ORACLE[grammar.name].fullmatch(string) is not None


def test_the_automaton_agrees_with_the_regular_expression_on_every_short_string() -> None:
    for length in range(1, 7):
        for letters in product(LETTERS, repeat=length):
            string = "".join(letters)
            assert REBER.accepts(string) == true(REBER, string), string


@grammars
def test_strings_enumerates_exactly_the_language(grammar: Grammar) -> None:
    for length in range(1, 15):
        found = list(grammar.strings(length))
        assert len(found) == len(set(found)) == grammar.completions(length)[length][0]
        assert all(len(s) == length and true(grammar, s) and grammar.accepts(s) for s in found)
    assert grammar.shortest == {"reber": 5, "embedded": 9}[grammar.name]


@grammars
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), low=st.integers(9, 40), extra=st.integers(0, 20))
def test_drawn_strings_are_grammatical_and_of_the_lengths_asked_for(
    grammar: Grammar, seed: int, low: int, extra: int
) -> None:
    lengths = range(low, low + extra + 1)
    string = draw(grammar, lengths, np.random.default_rng(seed))
    assert len(string) in lengths
    assert true(grammar, string)
    assert draw(grammar, lengths, np.random.default_rng(seed)) == string


def test_strings_of_one_length_are_drawn_uniformly() -> None:
    """Chi-square over all 24 strings of length 11, 4,800 draws; a right program fails once in 100,000 seeds."""
    rng, drawing = np.random.default_rng(3), Drawing(REBER, range(11, 12))
    counts = dict.fromkeys(REBER.strings(11), 0)
    for _ in range(4_800):
        counts[drawing.draw(rng)] += 1
    assert len(counts) == 24
    assert sum((n - 200) ** 2 / 200 for n in counts.values()) < 64.2


@pytest.mark.parametrize("kind", NEGATIVES)
@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_negatives_are_outside_the_grammar_and_changed_as_they_say(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for grammar in (EMBEDDED,) if kind == "wrong_end" else (REBER, EMBEDDED):
        base = draw(grammar, range(9, 40), rng)
        wrong = NEGATIVES[kind](grammar, base, rng)
        assert not true(grammar, wrong)
        changed = [i for i, pair in enumerate(zip(base, wrong, strict=True)) if pair[0] != pair[1]]
        if kind == "illegal_letters":
            assert changed == [i for i, letter in enumerate(wrong) if letter not in LETTERS]
        else:
            assert len(changed) == 1
            assert set(wrong) <= set(LETTERS)
        if kind == "wrong_end":
            assert changed == [len(base) - 2]


def test_edits_are_spread_over_the_whole_string() -> None:
    """400 edits of each of 20 strings of 25 letters: every inner place within 6 standard deviations of its share."""
    rng, places = np.random.default_rng(0), np.zeros(25)
    for _ in range(20):
        base = draw(REBER, range(25, 26), rng)
        for _ in range(400):
            wrong = single_edit(REBER, base, rng)
            places[[a != b for a, b in zip(base, wrong, strict=True)].index(True)] += 1
    share = 8_000 / 23
    assert places[0] == places[24] == 0
    assert np.abs(places[1:24] - share).max() < 6 * share**0.5


def test_wrong_end_needs_the_embedded_grammar() -> None:
    with pytest.raises(NasError, match=r"'wrong_end' must be of the embedded grammar; got 'reber'"):
        wrong_end(REBER, "BTXSE", np.random.default_rng(0))


@pytest.mark.parametrize("name", ["reber", "reber_embedded"])
def test_corpora_are_balanced_disjoint_and_rightly_labelled(name: str) -> None:
    grammar = REBER if name == "reber" else EMBEDDED
    parts = reber_corpus(name)
    assert [len(part) for part in parts] == ([18_750, 3_125, 3_125] if name == "reber" else [7_000, 1_500, 1_500])
    strings = [s for part in parts for s in part.strings]
    labels = [label for part in parts for label in part.labels]
    assert len(set(strings)) == len(strings)
    assert sum(labels) * 2 == len(labels)
    assert all(true(grammar, s) == bool(label) for s, label in zip(strings, labels, strict=True))
    assert reber_corpus(name)[2] == parts[2]


def test_the_tasks_strings_are_the_corpus_and_end_at_the_last_step() -> None:
    task, (train, _, _) = load_task("reber"), reber_corpus("reber")
    inputs, targets = task.batch(task.train, slice(0, 50))
    assert task.signature.input_shape == (25, 7)
    assert inputs.shape == (50, 25, 7)
    assert inputs.dtype == torch.float32
    for row, string in enumerate(train.strings[:50]):
        letters = inputs[row]
        assert letters[: 25 - len(string)].abs().sum() == 0
        assert "".join(LETTERS[int(i)] for i in letters[25 - len(string) :].argmax(1)) == string
        assert letters.sum() == len(string)
    assert targets.tolist() == list(train.labels[:50])
    assert task.evidence(8, torch.Generator().manual_seed(0))[0].shape == (8, 25, 7)


@pytest.mark.parametrize("name", ["reber", "reber_embedded"])
def test_extrapolation_is_longer_and_rightly_labelled(name: str) -> None:
    grammar = REBER if name == "reber" else EMBEDDED
    found = extrapolation(name, count=200)
    lengths = (found.inputs < len(LETTERS)).sum(1)
    assert int(lengths.min()) >= 30
    assert int(lengths.max()) <= 100
    assert int(found.targets.sum()) == 100
    for row, label in zip(found.inputs.tolist(), found.targets.tolist(), strict=True):
        assert true(grammar, "".join(LETTERS[i] for i in row if i < len(LETTERS))) == bool(label)


def test_shortcuts_by_hand() -> None:
    train = Corpus(("BTXSE", "BPVVE", "BTXVE", "BAXSE"), (1, 1, 0, 0))
    test = Corpus(("BTXSE", "BPXSE", "BZXSE"), (1, 0, 0))
    found = shortcuts(train, test)
    assert found["illegal letter"] == 2 / 3  # BPXSE has legal letters only
    assert found["bigram"] == 1.0  # PX occurs in no true string
    assert found["last 2"] == 1 / 3  # SE: one true, one false in train; the first seen wins
    assert found["majority"] == 1 / 3


def test_shortcuts_do_not_solve_the_task() -> None:
    train, _, test = reber_corpus("reber")
    found = shortcuts(train, test)
    assert found["illegal letter"] == pytest.approx(0.5, abs=0.02)
    assert found["majority"] <= 0.51
    assert found["bigram"] < 0.93  # one wrong letter makes two pairs, and seldom two that occur
    assert max(found[f"{end} {k}"] for end in ("first", "last") for k in range(1, 6)) < 0.7


@grammars
def test_legal_next_is_what_keeps_a_prefix_alive(grammar: Grammar) -> None:
    rng = np.random.default_rng(5)
    strings = [draw(grammar, range(9, 16), rng) for _ in range(10)]
    allowed, counted = legal_next(grammar, strings, 15)
    for row, string in enumerate(strings):
        for step in range(15):
            prefix = string[: max(0, step - (15 - len(string)) + 1)]
            legal = "".join(letter for letter, ok in zip(LETTERS, allowed[row, step], strict=True) if ok)
            assert legal == (grammar.legal(prefix) if prefix else "")
            assert bool(counted[row, step]) == bool(legal)


def test_legality_wants_all_legal_letters_above_all_others_at_every_step() -> None:
    strings = ["BTXSE", "BPVVE"]
    allowed, counted = legal_next(REBER, strings, 6)
    scores = allowed.float()
    assert legality(scores, allowed, counted) == 1.0
    scores[0, 2, LETTERS.index("E")] = 2.0
    assert legality(scores, allowed, counted) == 0.5


def test_tokens_stand_at_the_right_end_and_one_hot_leaves_blanks_empty() -> None:
    found = tokens(["BE", "BTE"], "BTE", 4)
    assert found.tolist() == [[3, 3, 0, 2], [3, 0, 1, 2]]
    assert OneHot(3)(found)[0].tolist() == [[0, 0, 0], [0, 0, 0], [1, 0, 0], [0, 0, 1]]


def test_bad_requests_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(NasError, match=r"a reber string must have at least 5 letters; got lengths 1\.\.4"):
        draw(REBER, range(1, 5), rng)
    with pytest.raises(NasError, match=r"must be at most half of the 24 there are; got 20"):
        Drawing(REBER, range(11, 12)).distinct(20, rng)
    with pytest.raises(NasError, match="unknown kind of negative 'edit'"):
        corpus(REBER, [], [("edit", "BTXSE")], rng)
    with pytest.raises(NasError, match=r"label must be 1 exactly for strings of the reber grammar; got 1 for 'BE'"):
        checked(REBER, Corpus(("BE",), (1,)))
    with pytest.raises(NasError, match=r"must have at most 2 letters; got one of 3"):
        tokens(["BTE"], "BTE", 2)
    with pytest.raises(NasError, match=r"letters must be in BTE; got 'X' in 'BXE'"):
        tokens(["BXE"], "BTE")
    with pytest.raises(NasError, match="unknown Reber task 'rebr'"):
        reber_corpus("rebr")
    assert illegal_letters(REBER, "BTXSE", rng) != "BTXSE"


@pytest.mark.data
def test_published_strings_load_and_the_automaton_agrees() -> None:
    place = os.environ.get("SPARSENAS_DATA")
    if place is None or not (Path(place) / "reber").is_dir():
        pytest.skip("needs SPARSENAS_DATA with reber")
    task = load_task("reber_published", Path(place))
    assert [len(s) for s in (task.train, task.val, task.test)] == [16_750, 2_000, 6_250]
    assert task.signature.input_shape == (53, 26)
    assert int(task.test.targets.sum()) == 3_161
