"""The project's own rules: what imports what, which packages are named where, what is never loaded."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ALLOWED = {
    "search_spaces": {"search_spaces"},
    "pruning": {"pruning"},
    "predictors": {"predictors", "pruning"},
    "nas": {"nas", "predictors", "pruning", "search_spaces"},
    "experiments": {"experiments", "nas", "predictors", "pruning", "search_spaces"},
}
ONE_PLACE = {"ray": "nas/executors/ray.py", "deap": "nas/strategies/deap_tools.py"}
STORAGE = {"nas/records/study.py", "nas/records/records.py", "nas/records/drivers.py", "nas/journal.py"}
SURROUNDINGS = [("nas", "executors"), ("nas", "training", "population", "compiled", "build.py")]


def imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module, node.lineno


def sources() -> list[Path]:
    return sorted(path for package in ALLOWED for path in (ROOT / package).rglob("*.py"))


def test_imports_go_down_only() -> None:
    wrong = []
    for path in sources():
        package = path.relative_to(ROOT).parts[0]
        for module, line in imports(path):
            top = module.split(".")[0]
            if top in ALLOWED and top not in ALLOWED[package]:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_ray_deap_and_storage_are_imported_in_one_place() -> None:
    wrong = []
    for path in sources():
        name = str(path.relative_to(ROOT))
        for module, line in imports(path):
            top = module.split(".")[0]
            if (top in ONE_PLACE and name != ONE_PLACE[top]) or (
                module.startswith("optuna.storages") and name not in STORAGE
            ):
                wrong.append(f"{name}:{line} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_below_experiments_nobody_reads_yaml_argv_or_the_environment() -> None:
    """Executors excepted, which set up the environment of the processes they start, and what looks for a compiler."""
    pattern = re.compile(r"\bimport yaml\b|\bsys\.argv\b|\bos\.environ\b|\bos\.getenv\b|Path\.cwd\(|os\.getcwd")
    wrong = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sources()
        if not any(path.relative_to(ROOT).parts[: len(place)] == place for place in SURROUNDINGS)
        and path.relative_to(ROOT).parts[0] != "experiments"
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if pattern.search(line)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_file_is_unpickled() -> None:
    """Only the executors unpickle, and only what their own driver sent down a pipe."""
    pattern = re.compile(r"pickle\.load|torch\.load\(|joblib\.load|yaml\.load\(|allow_pickle=True")
    wrong = [str(path.relative_to(ROOT)) for path in sources() if pattern.search(path.read_text())]
    assert [name for name in wrong if not name.startswith("nas/executors/")] == []


@pytest.mark.parametrize("package", ["pruning", "search_spaces"])
def test_light_packages_stay_light(package: str) -> None:
    code = f"import {package}, sys; print([m for m in ('ray', 'deap', 'optuna', 'xgboost') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_environment_and_pyproject_name_the_same_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {*project["dependencies"], *project["optional-dependencies"]["dev"]}
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    pip = next(entry["pip"] for entry in conda if isinstance(entry, dict))
    assert set(pip) == wanted
    assert f"python{project['requires-python']}" in conda


def test_every_named_package_is_pinned() -> None:
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split())
    canonical = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pins.items()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for requirement in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        name = re.split(r"[<>=!~ \[]", requirement)[0]
        assert re.sub(r"[-_.]+", "-", name).lower() in canonical, name
    assert canonical["torch"] == "2.13.0"
