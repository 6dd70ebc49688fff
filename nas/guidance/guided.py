"""Any strategy, guided: it proposes more than is wanted, and what a guide prefers is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nas.guidance.guidance import Guidance, GuidanceSettings
from nas.guidance.guide import Floats
from nas.guidance.merit import merit
from nas.guidance.spread import farthest
from nas.strategies.chronicle import parents
from nas.strategies.strategy import Genes, GenomeSpace, Observation, Strategy


def guided(
    strategy: Strategy, describe: Callable[[Genes], Floats], names: Sequence[str], settings: GuidanceSettings
) -> Strategy:
    """Return a strategy that keeps, of `oversample` proposals of `strategy`, those of greatest acquisition.

    It is as pure as `strategy` is. Below `minimum` finished records proposals are spread out in feature space (or
    the strategy's own); where no guide ranks better than chance they are the strategy's own, and so is an exploring
    share always. Accuracy alone is guided; nas/screen.py does several objectives.

    Args:
        strategy: proposes.
        describe: the features of a genome, (columns,): finite, the same columns for all, a function of the genome.
        names: of the columns, as "group/name".
        settings: how to choose.
    """
    guidance = Guidance(settings, names)

    def propose(
        space: GenomeSpace, history: Sequence[Observation], count: int, rng: np.random.Generator
    ) -> list[Genes]:
        own = int(rng.binomial(count, settings.explore)) if count > 0 else 0
        pool = strategy(space, history, max(count, settings.oversample) if count > 0 else 0, rng)
        if len(pool) <= count:
            return pool
        finished = parents(history)
        rows = np.stack([describe(genes) for genes in pool])
        known = np.stack([describe(record.genes) for record in finished]) if finished else rows[:0]
        if len(finished) < settings.minimum:
            if not settings.spread:
                return pool[:count]
            every = np.stack([describe(record.genes) for record in history]) if history else rows[:0]
            return [pool[index] for index in farthest(rows, every, count)]
        merits = merit(np.array([(record.values or (0.0,))[0] for record in finished]))
        chosen = guidance.guide(known, merits)
        if chosen is None:
            return pool[:count]
        order = np.argsort(-guidance.prefer(chosen, rows, float(merits.max()), rng), kind="stable")
        wanted = [int(index) for index in order if index >= own][: count - own]
        return pool[:own] + [pool[index] for index in wanted]

    return propose
