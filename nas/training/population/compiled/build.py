"""Compiles the kernel when it is first needed, and finds it again afterwards."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

SWITCH = "SPARSENAS_COMPILED"
"""Environment variable: 0 leaves the kernel out."""
_SOURCE = Path(__file__).with_name("kernel.c")
_FLAGS = ("-O3", "-ffp-contract=fast", "-fno-math-errno", "-shared", "-fPIC")
_TARGETS = (("-march=native",), ())
"""What to compile for: this processor or, where the compiler does not know how, any of its kind."""
_PATIENCE_SECONDS = 300.0


@functools.cache
def library() -> ctypes.CDLL | None:
    """Return the compiled kernel, compiled now if it is not in the cache; None without a compiler that can.

    The cache is `sparsenas` in XDG_CACHE_HOME or ~/.cache; a file's name tells source, flags, compiler and processor.
    """
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if os.environ.get(SWITCH) == "0" or compiler is None:
        return None
    for target in _TARGETS:
        try:
            return _declared(ctypes.CDLL(str(_compiled(compiler, [*_FLAGS, *target]))))
        except (OSError, subprocess.SubprocessError):
            continue
    return None


def _compiled(compiler: str, flags: Sequence[str]) -> Path:
    source = _SOURCE.read_bytes()
    identity = repr((compiler, flags, platform.machine(), _processor())).encode()
    file = _cache() / f"population-{hashlib.sha256(source + identity).hexdigest()[:24]}.so"
    if file.exists():
        return file
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        made = Path(folder) / "kernel.so"
        command = [compiler, *flags, str(_SOURCE), "-o", str(made), "-lm"]
        subprocess.run(command, check=True, capture_output=True, timeout=_PATIENCE_SECONDS)
        made.replace(file)  # in one step: a second process finds all of it or nothing
    return file


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sparsenas"


def _processor() -> str:
    """What instructions there are, where the system says so: a home may be mounted on several machines."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())


def _declared(found: ctypes.CDLL) -> ctypes.CDLL:
    found.sparsenas_scratch.restype = ctypes.c_int64
    found.sparsenas_scratch.argtypes = [ctypes.c_void_p]
    found.sparsenas_run.restype = None
    found.sparsenas_run.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
    return found
