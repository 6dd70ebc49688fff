"""Fetching a public file once: checked against its checksum, and never left half written."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from nas.errors import NasError

_CHUNK = 1 << 18
_PATIENCE_SECONDS = 30.0


def download(url: str, path: Path, md5: str) -> None:
    """Leave the file of `url` at `path`, with a progress bar on stderr.

    The bytes go to a `.part` file beside it, which is renamed when its checksum is right and removed
    otherwise, also on Ctrl-C; several processes may do this at once.

    Raises:
        NasError: no network, a broken transfer, a wrong checksum, or a folder that cannot be written.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    unwritable = "Free some space or name another folder with --data."
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NasError(
            f"{path.name} must be written to the data folder; got {error.strerror} ({path.parent}). {unwritable}"
        ) from None
    try:
        _transfer(url, part)
        check_md5(part, md5, shown=url)
        part.replace(path)
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise NasError(
            f"{path.name} must be in the data folder or downloadable; got {reason} ({url}). "
            f"Copy it to {path.parent} from a machine with a network."
        ) from None
    except OSError as error:
        raise NasError(
            f"{path.name} must be written to the data folder; got {error.strerror or error} ({path.parent}). "
            f"{unwritable}"
        ) from None
    finally:
        part.unlink(missing_ok=True)


def check_md5(path: Path, md5: str, shown: str | None = None) -> None:
    """Return None if the file at `path` has this MD5 checksum.

    Raises:
        NasError: it has another.
    """
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "md5").hexdigest()
    if found != md5:
        raise NasError(
            f"{path.name if shown is None else shown} must have MD5 checksum {md5}; got {found} "
            f"({path.stat().st_size} bytes). Delete the file, if it is there, and download it again."
        )


def _transfer(url: str, part: Path) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with (
        urllib.request.urlopen(url, timeout=_PATIENCE_SECONDS) as response,
        part.open("wb") as file,
        Progress(*columns, console=Console(stderr=True), transient=True) as progress,
    ):
        length = response.headers.get("Content-Length")
        bar = progress.add_task(f"Downloading {url.rsplit('/', 1)[-1]}", total=int(length) if length else None)
        received = 0
        while block := response.read(_CHUNK):
            file.write(block)
            received += len(block)
            progress.advance(bar, len(block))
    if length and received != int(length):
        raise NasError(f"a download must have {length} bytes; got {received} ({url}). Try again.")
