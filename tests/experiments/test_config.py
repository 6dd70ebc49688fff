"""A search's config: what overrides what, what is refused and in which words, and that a file brings it back."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from experiments.commands.search import search
from experiments.config import SearchConfig, read_config, resolve, to_yaml
from experiments.errors import ExperimentError
from experiments.presets import PRESETS
from experiments.run_directory import driving
from experiments.searching import make_search, prepare, resources, trial_work
from nas.errors import NasError
from nas.executors.serial import SerialExecutor
from nas.guidance import ACQUISITIONS, GUIDES
from nas.objectives import OBJECTIVES


@pytest.fixture(autouse=True)
def no_data_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPARSENAS_DATA", raising=False)


def refusal(file: Path | None = None, **flags: Any) -> str:
    with pytest.raises(ExperimentError) as error:
        resolve(file, flags)
    line = str(error.value)
    assert "\n" not in line
    return line


def yaml_file(folder: Path, text: str) -> Path:
    file = folder / "given.yaml"
    file.write_text(text)
    return file


def test_flags_override_the_file_which_overrides_preset_and_defaults(tmp_path: Path) -> None:
    file = yaml_file(tmp_path, "task: digits\ntrials: 7\nseed: 3\n")
    config = resolve(file, {"seed": 5, "out": tmp_path})
    assert (config.trials, config.seed) == (7, 5)
    assert config.epochs == PRESETS["digits"]["epochs"]
    assert config.strategy == SearchConfig().strategy
    assert config.name == "digits-convnet-evolution-5"


def test_config_comes_back_from_its_file(tmp_path: Path) -> None:
    flags = {"out": tmp_path, "methods": ["snip"], "time_limit": 1.5, "objectives": ["kept", "val_accuracy"]}
    config = resolve(None, flags)
    assert config.objectives == ("val_accuracy", "kept")
    file = tmp_path / "config.yaml"
    file.write_text(to_yaml(config))
    assert read_config(file) == config
    assert resolve(file, {}) == config


def test_data_folder_is_the_flag_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARSENAS_DATA", str(tmp_path / "there"))
    assert resolve(None, {"out": tmp_path}).data == tmp_path / "there"
    assert resolve(None, {"out": tmp_path, "data": tmp_path}).data == tmp_path


def test_resuming_takes_the_runs_own_settings_and_what_is_given_anew(tmp_path: Path) -> None:
    first = resolve(None, {"out": tmp_path, "name": "a", "epochs": 3, "seed": 9, "trials": 5})
    first.folder.mkdir(parents=True)
    (first.folder / "config.yaml").write_text(to_yaml(first))
    again = resolve(None, {"out": tmp_path, "name": "a", "trials": 8})
    assert again == first.model_copy(update={"trials": 8})


@pytest.mark.parametrize(
    ("key", "value"),
    [("task", "mnist"), ("space", "mlp"), ("epochs", 4), ("seed", 1), ("min_density", 0.5)],
)
def test_a_run_stays_what_it_is(key: str, value: object, tmp_path: Path) -> None:
    first = resolve(None, {"out": tmp_path, "name": "a"})
    first.folder.mkdir(parents=True)
    (first.folder / "config.yaml").write_text(to_yaml(first))
    line = refusal(None, out=tmp_path, name="a", **{key: value})
    assert line.startswith(f"{key} must stay {getattr(first, key)} in this run; got {value} (")
    assert line.endswith("Choose another --name for another search.")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"task": "digit"}, "unknown task 'digit'; did you mean 'digits'?"),
        ({"space": "convnett"}, "unknown search space 'convnett'; did you mean 'convnet'?"),
        ({"strategy": "evolutoin"}, "unknown strategy 'evolutoin'; did you mean 'evolution'?"),
        ({"executor": "rai"}, "unknown executor 'rai'; did you mean 'ray'?"),
        ({"methods": ["snpi"]}, "unknown pruning method 'snpi'; did you mean 'snip'?"),
        ({"allocations": ["erkk"]}, "unknown allocation 'erkk'; did you mean 'erk'?"),
        ({"objectives": ["val_accuracy", "kep"]}, "unknown objective 'kep'; did you mean 'kept'?"),
        ({"objectives": ["kept"]}, "objectives must contain val_accuracy; got kept"),
        ({"objectives": ["val_accuracy", "latency"]}, "unknown objective 'latency'; did you mean 'latency_seconds'?"),
        ({"objectives": 3}, "objectives must be a list of names; got 3"),
        ({"acquisition": "thomson"}, "unknown acquisition 'thomson'; did you mean 'thompson'?"),
        ({"guides": ["tree"]}, "unknown guide 'tree'; did you mean 'trees'?"),
        ({"guides": []}, "guides must be at least one of process, trees; got none"),
        ({"min_density": 0.0}, "min_density must be in (0, 1]; got 0.0 (--min-density)."),
        ({"max_density": 1.5}, "max_density must be in (0, 1]; got 1.5 (--max-density)."),
        ({"min_density": float("nan")}, "min_density must be in (0, 1]; got nan (--min-density)."),
        ({"address": "auto"}, "address must go with executor ray; got executor local."),
        ({"min_density": 0.5, "max_density": 0.1}, "min_density must be at most max_density; got 0.5 and 0.1"),
        ({"trials": 0}, "trials must be a whole number of at least 1; got 0 (--trials)."),
        ({"threads_per_trial": 0}, "threads_per_trial must be a whole number of at least 1; got 0"),
        ({"time_limit": -1.0}, "time_limit must be a number above 0; got -1.0 (--time-limit)."),
        ({"explore": 2.0}, "explore must be in [0, 1]; got 2.0 (--explore)."),
        ({"device": "gpu"}, "device must be auto, cpu, mps, cuda or cuda:N; got 'gpu' (--device)."),
        ({"precision": "int8"}, "precision must be auto, float32 or bfloat16; got 'int8' (--precision)."),
        ({"max_multiply_adds": "few"}, "max_multiply_adds must be a whole number of at least 1, auto or none"),
        ({"name": "a/b"}, "name must be one folder's name, without a slash; got 'a/b'"),
        ({"recipe": {"learning_rat": 1}}, "unknown recipe setting 'learning_rat'; did you mean 'learning_rate'?"),
        ({"recipe": {"momentum": 2.0}}, "momentum must be in"),
    ],
)
def test_bad_values_are_refused_in_one_line(flags: dict[str, Any], words: str, tmp_path: Path) -> None:
    assert words in refusal(None, out=tmp_path, **flags)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("min_density: 1.5\n", "min_density must be in (0, 1]; got 1.5 (min_density in "),
        ("trails: 3\n", "unknown config key 'trails'; did you mean 'trials'?"),
        ("trials: many\n", "trials must be a whole number of at least 1; got 'many' (trials in "),
        ("- a\n", "a config file must map names to values; got a list ("),
        ("task: [\n", "a config file must be YAML; got "),
    ],
)
def test_bad_files_are_refused_with_their_place(text: str, words: str, tmp_path: Path) -> None:
    file = yaml_file(tmp_path, text)
    line = refusal(file, out=tmp_path)
    assert line.startswith(words) and str(file) in line


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "a config file must be readable; got 'No such file" in refusal(tmp_path / "none.yaml")


def test_an_address_reaches_the_executor(tmp_path: Path) -> None:
    config = resolve(None, {"out": tmp_path, "executor": "ray", "address": "10.0.0.1:6379"})
    assert resources(config, "cpu").address == "10.0.0.1:6379"


def test_objectives_acquisition_and_guides_reach_the_search(tmp_path: Path) -> None:
    """From the flags to the worker's settings and the screen's; the order of objectives is the study's."""
    flags = {
        "out": tmp_path, "objectives": ["latency_seconds", "val_accuracy"], "acquisition": "thompson",
        "guides": ["trees", "trees"], "workers": 0, "device": "cpu",
    }  # fmt: skip
    config = resolve(None, flags)
    assert config.objectives == ("val_accuracy", "latency_seconds") and config.guides == ("trees",)
    with driving(config.folder) as run:
        setup = prepare(config, run)
        assert trial_work(setup).settings.measures == ("latency_seconds",)
        settings = make_search(setup, SerialExecutor(trial_work(setup), resources(config, "cpu"))).screen.settings
    assert settings is not None and (settings.acquisition, settings.guides) == ("thompson", ("trees",))


def test_help_names_all_there_is_to_choose_from() -> None:
    hints = get_type_hints(search, include_extras=True)
    for flag, family in (("objective", OBJECTIVES), ("acquisition", ACQUISITIONS), ("guides", GUIDES)):
        said = hints[flag].__metadata__[0].help
        assert [name for name in family if name not in said] == []


def test_a_second_driver_must_train_as_the_first_does(tmp_path: Path) -> None:
    """On one journal, from folders of their own; what each device may choose for itself is not compared."""
    flags = {"name": "shared", "epochs": 2, "workers": 0, "device": "cpu"}
    first = resolve(None, {**flags, "out": tmp_path / "first"})
    with driving(first.folder) as run:
        prepare(first, run)
        flags["storage"] = str(run.journal)
        for change, refused in (
            ({"precision": "bfloat16"}, ""),
            ({"epochs": 3}, "trains with epochs 2; got epochs 3"),
            ({"recipe": {"learning_rate": 0.5}}, "got learning_rate 0.5"),
            ({"rungs": (1, 2)}, "trains with rungs none; got rungs 1,2"),
            ({"trainings": ("static", "rigl")}, "trains with trainings static; got trainings static,rigl"),
        ):
            second = resolve(None, {**flags, "out": tmp_path / "second", **change})
            with pytest.raises(NasError, match=refused) if refused else nullcontext(), driving(second.folder) as other:
                prepare(second, other)


def test_an_error_names_the_flag_as_it_is_written() -> None:
    with pytest.raises(ExperimentError, match=r"unknown guide 'forest'.*\(--guide\)"):
        resolve(None, {"guides": ("forest",), "name": "x"})
