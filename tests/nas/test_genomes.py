"""Genomes: what canonical form and digest must satisfy on the real spaces."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nas.candidates import from_json, read_candidate, to_json
from nas.errors import NasError
from nas.genomes import MULTIPLIERS, NEUTRAL, CandidateSpace, Genes, SparsityChoices, density_grid
from nas.realize import realize
from nas.tasks import load_task
from pruning import Sparsity
from pruning.dynamic import FROM_MASK, TRAININGS
from search_spaces import SPACES, Signature


def space(name: str = "convnet", seed: int = 0, max_multiply_adds: int | None = None) -> CandidateSpace:
    signature = Signature((1, 8, 8), 10)
    return CandidateSpace(SPACES[name], SparsityChoices(), signature, seed=seed, max_multiply_adds=max_multiply_adds)


def position(candidates: CandidateSpace, name: str) -> int:
    return [choice.name for choice in candidates.choices].index(name)


def changed(genes: Genes, index: int, value: int) -> Genes:
    return (*genes[:index], value, *genes[index + 1 :])


@pytest.mark.parametrize("name", SPACES)
def test_canonical_is_idempotent_and_decodes_to_the_same_network(name: str) -> None:
    candidates, rng = space(name), np.random.default_rng(0)
    for _ in range(200):
        genes = tuple(int(rng.integers(len(choice.values))) for choice in candidates.choices)
        canonical = candidates.canonical(genes)
        assert candidates.canonical(canonical) == canonical
        assert candidates.digest(genes) == candidates.digest(canonical)
        assert candidates.decode(genes) == candidates.decode(canonical)


@pytest.mark.parametrize("name", SPACES)
def test_every_gene_is_reachable(name: str) -> None:
    """Every value of every gene survives canonicalisation in some genome."""
    candidates, rng = space(name), np.random.default_rng(1)
    seen = np.array([candidates.random(rng) for _ in range(3000)])
    for column, choice in enumerate(candidates.choices):
        assert set(seen[:, column]) == set(range(len(choice.values))), choice.name


def test_at_density_one_no_sparsity_gene_matters() -> None:
    candidates, rng = space(), np.random.default_rng(2)
    dense = len(candidates.sparsity.densities) - 1
    genes = changed(candidates.random(rng), position(candidates, "density"), dense)
    digests = {
        candidates.digest(changed(genes, position(candidates, name), value))
        for name in ("method", "allocation", "multiplier_1")
        for value in range(3)
    }
    assert len(digests) == 1


def test_patterns_that_differ_by_a_factor_are_one() -> None:
    candidates, rng = space(), np.random.default_rng(3)
    first = position(candidates, "multiplier_1")
    genes = candidates.random(rng)[:first]
    low, high = (0, 1, 1, 1), (1, 2, 2, 2)
    assert candidates.canonical(genes + low) == candidates.canonical(genes + high)
    assert candidates.digest(genes + low) == candidates.digest(genes + high)


def test_a_multiplier_of_an_absent_stage_does_not_matter() -> None:
    candidates, rng = space(), np.random.default_rng(4)
    stages = position(candidates, "stages")
    fewest = int(np.argmin(candidates.choices[stages].values))
    genes = changed(candidates.random(rng), stages, fewest)
    last = position(candidates, f"multiplier_{candidates.space.stages}")
    assert candidates.canonical(changed(genes, last, 0))[last] == NEUTRAL
    assert candidates.digest(changed(genes, last, 0)) == candidates.digest(changed(genes, last, len(MULTIPLIERS) - 1))


def test_equal_digests_mean_equal_masks_and_weights() -> None:
    task, candidates, rng = load_task("digits", None), space(max_multiply_adds=2_000_000), np.random.default_rng(5)
    checked = 0
    while checked < 8:
        genes = tuple(int(rng.integers(len(choice.values))) for choice in candidates.choices)
        if not candidates.feasible(genes):
            continue
        one, other = candidates.decode(genes), candidates.decode(candidates.canonical(genes))
        module, masks = realize(one, task)
        again, masks_again = realize(other, task)
        assert masks.equal(masks_again)
        assert all(torch.equal(a, b) for a, b in zip(module.parameters(), again.parameters(), strict=True))
        assert masks.kept == round(one.sparsity.density * masks.total)
        checked += 1


def test_a_method_that_chooses_whole_paths_has_one_genome_a_density() -> None:
    candidates = CandidateSpace(SPACES["convnet"], SparsityChoices(methods=("phew",)), Signature((1, 8, 8), 10))
    genes = candidates.random(np.random.default_rng(10))
    for name in ("allocation", "multiplier_1"):
        assert candidates.digest(changed(genes, position(candidates, name), 1)) == candidates.digest(genes)
    sparsity = candidates.decode(genes).sparsity
    assert (sparsity.allocation, sparsity.multipliers, sparsity.rounds) == ("global", (), 1)


def test_feasible_bounds_the_dense_cost_and_keeps_a_weight_a_layer() -> None:
    rng = np.random.default_rng(6)
    free, bounded = space(), space(max_multiply_adds=500_000)
    genomes = [free.random(rng) for _ in range(200)]
    kept = [genes for genes in genomes if bounded.feasible(genes)]
    assert 0 < len(kept) < len(genomes)
    assert all(free.feasible(genes) for genes in kept)


def test_density_grid_is_logarithmic_with_both_ends() -> None:
    grid = density_grid(0.01, 1.0)
    assert grid[0] == 0.01 and grid[-1] == 1.0 and len(grid) == 41
    assert np.allclose(np.diff(np.log(grid)), np.log(100) / 40, atol=1e-5)
    assert density_grid(0.2, 0.2) == (0.2,)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.5, 0.1), (0.1, 1.5), (float("nan"), 1.0)])
def test_density_grid_refuses(low: float, high: float) -> None:
    with pytest.raises(NasError, match=r"densities must satisfy 0 < min <= max <= 1; got"):
        density_grid(low, high)


def test_unknown_names_are_refused_with_a_suggestion() -> None:
    with pytest.raises(NasError, match="unknown pruning method 'snpi'; did you mean 'snip'"):
        SparsityChoices(methods=("snpi",))
    with pytest.raises(NasError, match="unknown allocation 'erkk'; did you mean 'erk'"):
        SparsityChoices(allocations=("erkk",))


def test_a_candidate_survives_json(tmp_path: Path) -> None:
    candidates, rng = space(seed=7), np.random.default_rng(7)
    for _ in range(20):
        candidate = candidates.decode(candidates.random(rng))
        path = tmp_path / "candidate.json"
        path.write_text(json.dumps(to_json(candidate)))
        assert read_candidate(path) == candidate


def test_every_setting_of_a_sparsity_survives_json_and_defaults_leave_no_trace() -> None:
    candidates = space()
    plain = candidates.decode(candidates.random(np.random.default_rng(9)))
    assert set(to_json(plain)["sparsity"]) == {"method", "density", "allocation", "rounds", "multipliers"}
    like = Sparsity("synflow", 0.1, rounds=3, schedule="linear", exclude=("head*",))
    full = replace(plain, sparsity=Sparsity("random", 0.1, densities=(("stem*", 0.5),), like=like, allow_empty=True))
    assert from_json(json.loads(json.dumps(to_json(full)))) == full


def test_candidate_json_is_refused_in_one_line(tmp_path: Path) -> None:
    candidates = space()
    data = to_json(candidates.decode(candidates.random(np.random.default_rng(8))))
    with pytest.raises(NasError, match="exactly the fields"):
        from_json({**data, "colour": 1})
    with pytest.raises(NasError, match="unknown search space 'convnte'; did you mean 'convnet'"):
        from_json({**data, "space": "convnte"})
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(NasError, match="must be JSON"):
        read_candidate(broken)
    with pytest.raises(NasError, match="must be readable"):
        read_candidate(tmp_path / "absent.json")


def test_the_seed_follows_from_study_and_digest() -> None:
    one, other = space(seed=1), space(seed=2)
    genes = one.random(np.random.default_rng(9))
    assert one.decode(genes).seed == space(seed=1).decode(genes).seed
    assert one.decode(genes).seed != other.decode(genes).seed
    assert one.digest(genes) == other.digest(genes)


SIGNATURE = Signature((1, 8, 8), 10)
ONLY = {"stage*.kind": ("residual",), "stem_stride": (1,), "stage1.kernel": ("3", "7"), "stages": (3,)}


def test_a_narrowed_space_proposes_only_what_it_may_and_all_of_it() -> None:
    """2,000 draws miss one of the 2 values of a gene with probability 2^-1999."""
    whole_space = SPACES["convnet"]
    narrow = CandidateSpace(whole_space, SparsityChoices(), SIGNATURE, only=ONLY)
    rng = np.random.default_rng(0)
    drawn = [narrow.random(rng) for _ in range(2000)]
    found = [whole_space.values(narrow.decode(genes).architecture) for genes in drawn]
    assert {values[f"stage{i}.kind"] for values in found for i in (1, 2, 3)} == {"residual"}
    assert {values["stage1.kernel"] for values in found} == {3, 7}
    assert {values["stage2.kernel"] for values in found} == {3, 5, 7}
    assert {values["stem_stride"] for values in found} == {1}
    assert all(narrow.canonical(genes) == genes and narrow.digest(genes) for genes in drawn)


def test_a_narrowed_candidate_is_the_whole_space_s_own() -> None:
    """A candidate read back from its file does not know of any narrowing and builds the same network."""
    whole_space = SPACES["convnet"]
    whole = CandidateSpace(whole_space, SparsityChoices(), SIGNATURE)
    narrow = CandidateSpace(whole_space, SparsityChoices(), SIGNATURE, only=ONLY)
    genes = narrow.random(np.random.default_rng(1))
    candidate = narrow.decode(genes)
    assert from_json(to_json(candidate), "here") == candidate
    widened = (*candidate.architecture.genes, *genes[len(whole_space.choices) :])
    assert whole.canonical(widened) == widened and whole.digest(widened) == narrow.digest(genes)


@pytest.mark.parametrize(
    ("only", "message"),
    [
        ({"stage*.knid": ("plain",)}, "unknown choice 'stage[*].knid'; did you mean 'stage"),
        ({"stem_stride": (3,)}, "choice 'stem_stride' must be one of 1, 2; got 3"),
        ({"stage*.kind": ()}, "must be one of plain, residual, separable; got none"),
        ({"stem*": (1,), "stem_stride": (2,)}, "must keep at least one value"),
    ],
)
def test_a_narrowing_that_cannot_be_is_one_line(only: dict[str, tuple[object, ...]], message: str) -> None:
    with pytest.raises(NasError, match=message):
        CandidateSpace(SPACES["convnet"], SparsityChoices(), SIGNATURE, only=only)


MOVING = SparsityChoices(trainings=("static", "rigl", "set", "gmp"))


def test_trainings_are_a_gene_and_static_candidates_stay_what_they_were() -> None:
    """A candidate whose mask does not move has the JSON, digest and seed it has in a search without trainings."""
    plain, moving = space(), CandidateSpace(SPACES["convnet"], MOVING, SIGNATURE)
    assert [c for c in moving.choices if c.name != "training"] == list(plain.choices)
    place, rng = position(moving, "training"), np.random.default_rng(0)
    for _ in range(50):
        genes = plain.random(rng)
        with_gene = (*genes[:place], 0, *genes[place:])
        assert moving.canonical(with_gene) == with_gene
        assert to_json(moving.decode(with_gene)) == to_json(plain.decode(genes))
        assert "training" not in to_json(plain.decode(genes))
        assert moving.digest(with_gene) == plain.digest(genes)
        found = {moving.digest(changed(with_gene, place, value)) for value in range(4)}
        assert len(found) == (1 if plain.decode(genes).sparsity.density == 1.0 else 4)


def test_trainings_come_back_from_json() -> None:
    candidates, rng = CandidateSpace(SPACES["convnet"], MOVING, SIGNATURE), np.random.default_rng(1)
    seen = set()
    for _ in range(60):
        genes = candidates.random(rng)
        candidate = candidates.decode(genes)
        assert candidates.canonical(genes) == genes
        assert from_json(json.loads(json.dumps(to_json(candidate)))) == candidate
        seen.add(candidate.training)
    assert seen == {"static", "rigl", "set", "gmp"}


def test_gradual_pruning_towards_fixed_counts_has_one_genome_whatever_the_method() -> None:
    candidates = CandidateSpace(SPACES["convnet"], MOVING, SIGNATURE)
    genes = (*(0 for _ in candidates.space.choices), 0, 0, 5, 3, *(NEUTRAL for _ in candidates.choices))
    genes = candidates.canonical(genes[: len(candidates.choices)])
    place = position(candidates, "method")
    assert candidates.decode(genes).training == "gmp"
    assert len({candidates.digest(changed(genes, place, value)) for value in range(4)}) == 1
    ranked = changed(genes, position(candidates, "allocation"), 2)  # global: the method decides the layers' counts
    assert len({candidates.digest(changed(ranked, place, value)) for value in range(4)}) == 4


def test_an_unknown_training_is_refused_wherever_it_is_named() -> None:
    candidates = space()
    data = to_json(candidates.decode(candidates.random(np.random.default_rng(0))))
    with pytest.raises(NasError, match="unknown training 'rigle'; did you mean 'rigl'"):
        from_json({**data, "training": "rigle"})
    with pytest.raises(NasError, match="unknown training 'gpm'; did you mean 'gmp'"):
        SparsityChoices(trainings=("gpm",))


def test_trainings_that_start_from_no_mask_have_one_genome_whatever_the_method() -> None:
    """Of these a pattern with an allocation is the counts of its layers and no more."""
    sparsity = SparsityChoices(trainings=tuple(sorted(TRAININGS)))
    candidates = CandidateSpace(SPACES["convnet"], sparsity, SIGNATURE)
    place, method = position(candidates, "training"), position(candidates, "method")
    for value, training in enumerate(sparsity.trainings):
        genes = (*(0 for _ in candidates.space.choices), 0, 0, 5, value, *(NEUTRAL for _ in candidates.choices))
        genes = candidates.canonical(genes[: len(candidates.choices)])
        assert genes[place] == value
        digests = {candidates.digest(changed(genes, method, other)) for other in range(4)}
        assert len(digests) == (4 if training in FROM_MASK else 1)
        dense = changed(genes, position(candidates, "density"), len(sparsity.densities) - 1)
        assert candidates.decode(dense).training == "static"
