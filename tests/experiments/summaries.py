"""A made-up run for the report's tests, with everything a real one can have."""

from __future__ import annotations

import numpy as np

from experiments.report.summary import Best, Expectation, Finalist, Layer, RunSummary, Trial

METHODS = ("magnitude", "random", "snip", "synflow")


def summary(trials: int = 60, seed: int = 0) -> RunSummary:
    rng = np.random.default_rng(seed)
    made = _with_front([_trial(number, rng) for number in range(trials)])
    finished = [t for t in made if t.accuracy is not None]
    best = max(finished, key=lambda t: t.accuracy or 0.0) if finished else None
    return RunSummary(
        name="first",
        task="cifar10",
        space="convnet",
        strategy="evolution",
        objectives=("val_accuracy", "kept"),
        trials=tuple(made),
        best=_best(best.number, rng) if best else None,
        config={"task": "cifar10", "space": "convnet", "trials": trials, "epochs": 6, "methods": list(METHODS)},
        command="sparsenas search runs/first/config.yaml",
        epochs=6,
        min_records=16,
        stages={"training": 3312.0, "proposing": 4.1, "describing": 61.0, "screening": 22.0, "recording": 0.7},
        version="0.1.0",
    )


def _trial(number: int, rng: np.random.Generator) -> Trial:
    density = float(10 ** rng.uniform(-2, 0))
    method, allocation = str(rng.choice(METHODS)), str(rng.choice(["erk", "uniform", "global"]))
    if number % 17 == 5:
        message = "the loss became nan in epoch 2, step 118 <layer 'stages.2.0.conv1'>"
        return Trial(
            number, "failed", method, allocation, density, error="non_finite_loss", message=message, attempts=1
        )
    total = int(10 ** rng.uniform(4.5, 6.2))
    kept = int(total * density)
    accuracy = 0.90 - 0.35 / (kept / 900) ** 0.45 + rng.normal(0, 0.012) + 0.0004 * number
    if rng.random() < 0.05:
        accuracy = 0.1
    accuracy = float(np.clip(accuracy, 0.1, 0.95))
    screened = number >= 16 and rng.random() > 0.2
    guess = accuracy + float(rng.normal(0, 0.02))
    return Trial(
        number, "finished", method, allocation, density,
        explored=not screened, accuracy=accuracy, kept=kept, total=total, multiply_adds=kept * 210,
        seconds=55.0, expected=Expectation(guess, guess - 0.04, guess + 0.035) if screened else None,
        architecture={"depth_1": 2, "depth_2": 3, "width_1": 32, "block": "residual", "activation": "relu"},
    )  # fmt: skip


def _with_front(trials: list[Trial]) -> list[Trial]:
    from dataclasses import replace

    def dominated(t: Trial) -> bool:
        return any(
            (o.accuracy or 0) >= (t.accuracy or 0) and (o.kept or 0) <= (t.kept or 0) and o is not t
            for o in trials
            if o.state == "finished"
        )

    return [replace(t, on_front=t.state == "finished" and not dominated(t)) for t in trials]


def _best(number: int, rng: np.random.Generator) -> Best:
    names = ["stem.conv", *(f"stages.{s}.{b}.conv{c}" for s in range(3) for b in range(2) for c in (1, 2)), "head"]
    sizes = [432, *(9 * 16 * 16 * 4**s for s in range(3) for _ in range(4)), 640]
    layers = tuple(
        Layer(f"{name}.weight", (1,), max(1, int(size * float(10 ** rng.uniform(-2, -0.1)))), size)
        for name, size in zip(names, sizes, strict=True)
    )
    finalists = (Finalist(number, 8, 0.874), Finalist(0, error="training loss must stay finite"))
    return Best(number, layers, 30, 0.889, 0.8843, 612.0, finalists)
