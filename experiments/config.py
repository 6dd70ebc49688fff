"""What `sparsenas search` is told: one flat, validated config from defaults, a YAML file and flags.

Whatever can be refused is refused here, before data are read or a device is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from experiments import registries
from experiments.errors import ExperimentError
from experiments.presets import PRESETS

CONFIG_FILE = "config.yaml"
DATA_VARIABLE = "SPARSENAS_DATA"

# A field's `description` is its rule: the words after "must be" in the error line.
Count: TypeAlias = Annotated[int, Field(ge=1, description="a whole number of at least 1")]
OptionalCount: TypeAlias = Annotated[int | None, Field(ge=1, description="a whole number of at least 1")]
Index: TypeAlias = Annotated[int, Field(ge=0, description="a whole number of at least 0")]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, description="in [0, 1]")]
Density: TypeAlias = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False, description="in (0, 1]")]
Amount: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False, description="a number of at least 0")]
Seconds: TypeAlias = Annotated[float | None, Field(gt=0, allow_inf_nan=False, description="a number above 0")]
Bound: TypeAlias = Annotated[
    Annotated[int, Field(ge=1)] | Literal["auto", "none"],
    Field(description="a whole number of at least 1, auto or none"),
]
Device: TypeAlias = Annotated[
    str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", description="auto, cpu, mps, cuda or cuda:N")
]
Precision: TypeAlias = Annotated[Literal["auto", "float32", "bfloat16"], Field(description="auto, float32 or bfloat16")]


def _folder_name(name: str) -> str:
    if name in ("", ".", "..") or Path(name).name != name:
        raise ValueError(f"name must be one folder's name, without a slash; got {name!r}")
    return name


def _recipe(settings: dict[str, Any]) -> dict[str, Any]:
    registries.recipe(settings)
    return settings


Objectives: TypeAlias = Annotated[
    tuple[str, ...], AfterValidator(registries.objectives), Field(description="a list of names")
]
Names: TypeAlias = Annotated[tuple[str, ...] | None, Field(description="a list of names")]


class SearchConfig(BaseModel):
    """Everything that decides a search. Frozen; `name` and `data` are filled in when the config is resolved."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: Annotated[str, AfterValidator(registries.task)] = "digits"
    space: Annotated[str, AfterValidator(registries.space)] = "convnet"
    strategy: Annotated[str, AfterValidator(registries.strategy)] = "evolution"
    objectives: Objectives = ("val_accuracy", "kept")
    trials: Count = 40
    epochs: Count = 10
    final_epochs: Annotated[int, Field(ge=0, description="a whole number of at least 0")] = 40
    rungs: Annotated[tuple[int, ...], Field(description="a list of rising whole numbers")] = ()
    eta: Annotated[int, Field(ge=2, description="a whole number of at least 2")] = 3
    finalists: Count = 1
    finalist_epochs: OptionalCount = None
    seed: Annotated[int, Field(ge=0, description="a whole number of at least 0")] = 0

    name: Annotated[str, AfterValidator(_folder_name)] = Field(default="", validate_default=False)
    out: Annotated[Path, Field(description="a folder")] = Path("runs")
    storage: Annotated[str | None, Field(description="an Optuna storage URL or a journal file")] = None
    data: Annotated[Path | None, Field(description="a folder")] = None

    executor: Annotated[str, AfterValidator(registries.executor)] = "local"
    address: Annotated[str | None, Field(description="auto or host:port")] = None
    workers: Annotated[int | None, Field(ge=0, description="a whole number of at least 0")] = None
    gpus_per_trial: Amount = 0.0
    threads_per_trial: OptionalCount = None
    batch: Count = 32
    time_limit: Seconds = None
    device: Device = "auto"
    precision: Precision = "auto"

    min_density: Density = 0.01
    max_density: Density = 1.0
    max_multiply_adds: Bound = "auto"
    methods: Annotated[Names, AfterValidator(registries.methods)] = None
    allocations: Annotated[Names, AfterValidator(registries.allocations)] = None
    trainings: Annotated[Names, AfterValidator(registries.trainings)] = None
    only: Annotated[dict[str, tuple[str | int | float, ...]], Field(description="a mapping of globs to lists")] = Field(
        default_factory=dict
    )
    recipe: Annotated[dict[str, Any], AfterValidator(_recipe), Field(description="a mapping of settings")] = Field(
        default_factory=dict
    )

    screen: Annotated[bool, Field(description="true or false")] = True
    oversample: Count = 16
    explore: Share = 0.2
    acquisition: Annotated[str, AfterValidator(registries.acquisition)] = "expected_improvement"
    guides: Annotated[tuple[str, ...], AfterValidator(registries.guides), Field(description="a list of names")] = (
        "process",
        "trees",
    )
    min_records: Annotated[int, Field(ge=3, description="a whole number of at least 3")] = 16

    @model_validator(mode="after")
    def _bounds_are_ordered(self) -> SearchConfig:
        if self.min_density > self.max_density:
            raise ValueError(f"min_density must be at most max_density; got {self.min_density} and {self.max_density}")
        return self

    @model_validator(mode="after")
    def _an_address_is_rays(self) -> SearchConfig:
        if self.address is not None and self.executor != "ray":
            raise ValueError(f"address must go with executor ray; got executor {self.executor}")
        return self

    @model_validator(mode="after")
    def _rungs_rise_to_the_epochs(self) -> SearchConfig:
        rising = all(low < high for low, high in zip((0, *self.rungs), self.rungs, strict=False))
        if self.rungs and not (rising and self.rungs[-1] == self.epochs):
            raise ValueError(f"rungs must rise to the epochs, {self.epochs}; got {_text(self.rungs)}")
        return self

    @property
    def second_look_epochs(self) -> int:
        """Epochs of each finalist: as given, else a quarter of the final epochs, at least one."""
        return self.finalist_epochs or max(1, self.final_epochs // 4)

    @property
    def folder(self) -> Path:
        """The run directory."""
        return self.out / self.name

    @property
    def shared_place(self) -> str | Path | None:
        """Where the study lies if not in the run directory: at a storage URL, or in another driver's journal."""
        if self.storage is not None and "://" not in self.storage and self.storage.endswith(".log"):
            return Path(self.storage)
        return self.storage


IDENTITY = (
    "task", "space", "objectives", "epochs", "rungs", "seed", "recipe", "min_density", "max_density", "methods",
    "allocations", "trainings", "only",
)  # fmt: skip
"""The fields that give a run's records their meaning; a resumed run must keep them."""


FLAGS = {
    "objectives": "--objective",
    "guides": "--guide",
    "methods": "--method",
    "allocations": "--allocation",
    "trainings": "--training",
}
"""Fields whose flag is given once for each value, and named so."""


def resolve(file: Path | None, flags: Mapping[str, Any]) -> SearchConfig:
    """Return the config of a search: flags over the file, over the run directory's own config, over the
    task's preset, over the defaults.

    Args:
        file: a YAML file with any of SearchConfig's fields, or None.
        flags: field name -> value, for the flags that were given.

    Raises:
        ExperimentError: a key is unknown, a value breaks its rule, the file cannot be read, or the run directory
            holds a run of another kind.
    """
    given = (read_yaml(file) if file else {}) | dict(flags)
    if isinstance(rungs := given.get("rungs"), list | tuple) and rungs:
        given = {"epochs": rungs[-1]} | given
    places = {key: f"{key} in {file}" for key in given if key not in flags and file}
    places |= {key: FLAGS.get(key, "--" + key.replace("_", "-")) for key in flags}
    config = _validated(given, places)
    preset = PRESETS.get(config.task, {})
    config = _with_names(_validated({**preset, **given}, places))
    saved = config.folder / CONFIG_FILE
    if not saved.is_file():
        return config
    before = read_config(saved)
    _same_run(before, config, set(given), saved)
    return before.model_copy(update={key: getattr(config, key) for key in {*given, "name", "out"}})


def read_config(file: Path) -> SearchConfig:
    """Return the config in a run directory's `config.yaml`.

    Raises:
        ExperimentError: it is missing or breaks a rule.
    """
    return _validated(read_yaml(file), {}, file)


def to_yaml(config: SearchConfig) -> str:
    """Return the config as YAML text that `resolve` reads back to the same config."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def read_yaml(file: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file.

    Raises:
        ExperimentError: the file is missing, is no YAML, or holds no mapping.
    """
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ExperimentError(f"a config file must be readable; got '{error.strerror}' ({file}).") from None
    except UnicodeDecodeError:
        raise ExperimentError(f"a config file must be UTF-8 text; got other bytes ({file}).") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "a syntax error"
        raise ExperimentError(f"a config file must be YAML; got '{problem}' ({file}{line}).") from None
    if data is not None and not isinstance(data, dict):
        raise ExperimentError(f"a config file must map names to values; got a {type(data).__name__} ({file}).")
    return {str(key): value for key, value in (data or {}).items()}


def data_folder(flag: Path | None) -> Path | None:
    """Return where the data sets lie: the flag, else the environment's SPARSENAS_DATA, else None."""
    variable = os.environ.get(DATA_VARIABLE)
    return flag or (Path(variable) if variable else None)


def _with_names(config: SearchConfig) -> SearchConfig:
    name = config.name or f"{config.task}-{config.space}-{config.strategy}-{config.seed}"
    return config.model_copy(update={"name": name, "data": data_folder(config.data)})


def _validated(values: Mapping[str, Any], places: Mapping[str, str], file: Path | None = None) -> SearchConfig:
    try:
        return SearchConfig.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = str(first["loc"][0]) if first["loc"] else ""
        place = places.get(key) or (f"{key} in {file}" if key and file else "")
        raise ExperimentError(_rule_line(key, first) + (f" ({place})." if place else ".")) from None


def _rule_line(key: str, error: ErrorDetails) -> str:
    if error["type"] == "extra_forbidden":
        return registries.unknown("config key", key, SearchConfig.model_fields).rstrip(".")
    if error["type"] == "value_error":
        return str(error["ctx"]["error"]).rstrip(".")
    rule = SearchConfig.model_fields[key].description or "text"
    return f"{key} must be {rule}; got {error['input']!r}"


def _same_run(before: SearchConfig, now: SearchConfig, given: set[str], saved: Path) -> None:
    for key in IDENTITY:
        old, new = getattr(before, key), getattr(now, key)
        if key in given and old != new:
            raise ExperimentError(
                f"{key} must stay {_text(old)} in this run; got {_text(new)} ({saved}). "
                f"Choose another --name for another search."
            )


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
