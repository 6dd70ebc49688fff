"""Names that a user may write, checked against the families below; each family is imported only when asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Return "unknown KIND 'NAME'; did you mean 'X'? known: ..."."""
    from pruning.naming import unknown as line

    return line(kind, name, list(known))


def check(kind: str, name: str, known: Iterable[str]) -> str:
    """Return `name` if it is among the known ones.

    Raises:
        ValueError: it is not; the message names the nearest known one.
    """
    known = list(known)
    if name not in known:
        raise ValueError(unknown(kind, name, known))
    return name


def task(name: str) -> str:
    """Return the name of a task."""
    from nas.tasks import TASKS

    return check("task", name, TASKS)


def space(name: str) -> str:
    """Return the name of a search space."""
    from search_spaces import SPACES

    return check("search space", name, SPACES)


def strategy(name: str) -> str:
    """Return the name of a strategy."""
    from nas.strategies import STRATEGIES

    return check("strategy", name, STRATEGIES)


def executor(name: str) -> str:
    """Return the name of an executor."""
    from nas.executors import EXECUTORS

    return check("executor", name, EXECUTORS)


def objectives(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of what a search aims at, accuracy among them, in the order in which a study holds them."""
    from nas.objectives import OBJECTIVES

    for name in names:
        check("objective", name, OBJECTIVES)
    if "val_accuracy" not in names:
        raise ValueError("objectives must contain val_accuracy; got " + (", ".join(names) or "none"))
    return tuple(name for name in OBJECTIVES if name in names)


def acquisition(name: str) -> str:
    """Return the name of an acquisition: how a guide's belief becomes a preference."""
    from nas.guidance import ACQUISITIONS

    return check("acquisition", name, ACQUISITIONS)


def guides(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of guides, at least one."""
    from nas.guidance import GUIDES

    if not names:
        raise ValueError(f"guides must be at least one of {', '.join(GUIDES)}; got none. screen: false does without")
    return tuple(check("guide", name, GUIDES) for name in dict.fromkeys(names))


def methods(names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return the names of pruning methods."""
    from pruning import METHODS

    return None if names is None else tuple(check("pruning method", name, METHODS) for name in names)


def allocations(names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return the names of allocations; "global" is the absence of one."""
    from pruning import ALLOCATIONS

    known = sorted({*ALLOCATIONS, "global"})
    return None if names is None else tuple(check("allocation", name, known) for name in names)


def trainings(names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return the names of trainings: how mask and weights come about while a network trains."""
    from pruning.dynamic import TRAININGS

    return None if names is None else tuple(check("training", name, TRAININGS) for name in names)


def recipe(settings: Mapping[str, object]) -> None:
    """Return None if these are settings of a training recipe, each within its rule.

    Raises:
        ValueError: a setting is unknown, or belongs elsewhere in the config, or its value is refused.
    """
    from dataclasses import fields

    from nas.training import Recipe

    elsewhere = {"epochs", "precision"}
    known = {field.name for field in fields(Recipe)} - elsewhere
    for name in settings:
        check("recipe setting", name, known)
    try:
        Recipe(epochs=1, **settings)  # type: ignore[arg-type]
    except TypeError as error:
        raise ValueError(f"recipe settings must have the right types; got {error}") from None
