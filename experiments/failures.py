"""From an exception to the one line and the exit code that a user of the command line sees."""

from __future__ import annotations

import errno

from experiments.errors import ExperimentError

BAD_INPUT = 2
INTERRUPTED = 130
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def explain(error: BaseException) -> str | None:
    """Return the line for an error that the input caused, or None for a fault of the program itself."""
    if isinstance(error, ExperimentError):
        return _one_line(str(error))
    if isinstance(error, OSError) and error.strerror:
        place = f" ({error.filename})" if error.filename else ""
        remedy = "Make room and run the same command again." if error.errno in NO_ROOM else "Check the path."
        return _one_line(f"a file or folder must be usable; got '{error.strerror}'{place}. {remedy}")
    return _one_line(str(error)) if isinstance(error, _input_errors()) else None


def _input_errors() -> tuple[type[Exception], ...]:
    """The packages' error classes; imported only now, for they bring torch, and most errors need none of them."""
    from nas.errors import NasError
    from predictors.errors import PredictorError
    from pruning.errors import PruningError
    from search_spaces.errors import SpaceError

    return (NasError, PredictorError, PruningError, SpaceError)


def _one_line(message: str) -> str:
    return " ".join(message.split())
