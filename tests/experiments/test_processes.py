"""Other processes as the fault benchmarks see them."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from pathlib import Path

from experiments.benchmarks.killing import Watch
from experiments.benchmarks.processes import alive, children, resident_megabytes
from experiments.short_trials import outcome_of
from nas.candidates import Candidate
from pruning import Sparsity
from search_spaces import SPACES


def test_children_are_listed_by_age_until_they_end() -> None:
    sleep = [sys.executable, "-c", "input()"]
    started = [subprocess.Popen(sleep, stdin=subprocess.PIPE) for _ in range(2)]
    pids = [process.pid for process in started]
    assert [pid for pid in children(os.getpid()) if pid in pids] == pids
    assert all(map(alive, pids))
    for process in started:
        process.kill()
        process.wait()
    assert not any(map(alive, pids)) and not set(pids) & set(children(os.getpid()))


def test_memory_counts_what_a_process_allocates() -> None:
    before = resident_megabytes(os.getpid())
    own = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS  # not from the allocator, which may hand out pages it held already
    with mmap.mmap(-1, 32 * 2**20, flags=own) as pages:
        for start in range(0, len(pages), mmap.PAGESIZE):
            pages[start] = 1
        assert 30 < resident_megabytes(os.getpid()) - before < 40


def test_a_folder_without_a_study_has_no_trials(tmp_path: Path) -> None:
    assert Watch(tmp_path, "study").look() == {"finished": 0, "running": 0, "lost_or_changed": 0}


def test_a_short_trial_comes_to_what_its_candidate_says() -> None:
    space = SPACES["mlp"]
    architecture = space.encode({choice.name: choice.values[0] for choice in space.choices})
    candidates = [Candidate(architecture, Sparsity("random", 0.2), seed) for seed in (1, 1, 2)]
    outcomes = [outcome_of(candidate) for candidate in candidates]
    assert outcomes[0] == outcomes[1] != outcomes[2]
