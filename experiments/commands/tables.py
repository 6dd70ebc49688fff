"""What `bench` and `reproduce` share: list a family of measurements, or run one, print its table and keep it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments.benchmarks import Benchmark


def measure(kind: str, family: Mapping[str, Benchmark], name: str | None, out: Path, json: bool) -> None:
    """Run one member of a family and keep its table; without a name, list the members with their first doc line.

    Args:
        kind: what a member is called in an error, such as "benchmark".
        family: name -> function of the folder for its files and of a line printer.
        name: which one.
        out: folder for its files; made if need be.
        json: print the table as JSON on stdout.

    Raises:
        ExperimentError: Unknown name.
    """
    from experiments import registries
    from experiments.errors import ExperimentError
    from experiments.output import Output
    from experiments.terminal.bench_table import bench_table

    output = Output(json)
    if name is None:
        for known, member in family.items():
            output.results.print(f"{known:<20} {(member.__doc__ or '').splitlines()[0]}", soft_wrap=True)
        output.emit({f"{kind}s": list(family)})
        return
    if name not in family:
        raise ExperimentError(registries.unknown(kind, name, family))
    table = family[name](out, lambda line: output.progress.print(line, markup=False))
    files = table.write(out)
    output.results.print(bench_table(table, output.results.width))
    output.results.print(f"written: {', '.join(str(file) for file in files)}", soft_wrap=True, markup=False)
    output.emit(table.as_json())
