"""The file formats, on small files written here, and every way in which a file can be bad."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import importlib
import io
import os
import struct
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from nas.errors import NasError
from nas.tasks import SIGNATURES, load_task
from nas.tasks.cifar_binary import FOLDER, TEST_FILES, TRAIN_FILES, read_archive, read_folder
from nas.tasks.download import check_md5
from nas.tasks.idx import read_idx

# `import nas.tasks.mnist as x` would give the task of that name, which the package re-exports.
mnist_module = importlib.import_module("nas.tasks.mnist")
cifar_module = importlib.import_module("nas.tasks.cifar10")
download_module = importlib.import_module("nas.tasks.download")


def _idx(array: NDArray[np.uint8], magic: int | None = None) -> bytes:
    head = struct.pack(">I", (8 << 8) + array.ndim if magic is None else magic)
    return head + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(np.uint8).tobytes()


def _pixels(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def _batch(records: int, label: int | None = None) -> bytes:
    table = _pixels(records, 3073)
    table[:, 0] = np.arange(records) % 10 if label is None else label
    return table.tobytes()


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def _cifar_folder(folder: Path, records: int = 20) -> Path:
    folder.mkdir(parents=True)
    for name in TRAIN_FILES + TEST_FILES:
        (folder / name).write_bytes(_batch(records))
    return folder


# ---- idx -----------------------------------------------------------------------------------------------------


def test_idx_is_read_back(tmp_path: Path) -> None:
    images = _pixels(5, 4, 3)
    (tmp_path / "a.gz").write_bytes(gzip.compress(_idx(images)))
    assert np.array_equal(read_idx(tmp_path / "a.gz", axes=3), images)


def test_idx_names_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    with pytest.raises(NasError, match="data file must exist; got none"):
        read_idx(path, 3)
    path.write_bytes(gzip.compress(_idx(_pixels(5, 4, 3)))[:-9])
    with pytest.raises(NasError, match=r"must be a whole gzip file; got .* after \d+ bytes"):
        read_idx(path, 3)
    path.write_bytes(b"plain text, not gzip")
    with pytest.raises(NasError, match="must be a whole gzip file"):
        read_idx(path, 3)
    path.write_bytes(gzip.compress(_idx(_pixels(5, 4, 3), magic=2049)))
    with pytest.raises(NasError, match="must begin with magic 2051; got 2049"):
        read_idx(path, 3)
    path.write_bytes(gzip.compress(_idx(_pixels(5, 4, 3))[:6]))
    with pytest.raises(NasError, match="header must have 16 bytes; got 6"):
        read_idx(path, 3)
    path.write_bytes(gzip.compress(_idx(_pixels(5, 4, 3))[:-1]))
    with pytest.raises(NasError, match=r"must have 76 bytes uncompressed; got 75"):
        read_idx(path, 3)
    path.write_bytes(gzip.compress(b""))
    with pytest.raises(NasError, match="must begin with magic 2051; got None"):
        read_idx(path, 3)


def _mnist_folder(folder: Path, labels: NDArray[np.uint8], count: int = 60) -> Path:
    folder.mkdir(parents=True)
    for part in ("train", "t10k"):
        images = gzip.compress(_idx(_pixels(count, 28, 28)))
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(images)
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(_idx(labels)))
    return folder


@pytest.mark.parametrize("inner", ["mnist", "."])
def test_mnist_is_found_in_either_place(tmp_path: Path, inner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist_module, "_VALIDATION", 10)
    _mnist_folder(tmp_path / "data" / inner, np.arange(60, dtype=np.uint8) % 10)
    task = load_task("mnist", tmp_path / "data")
    assert [len(s) for s in (task.train, task.val, task.test)] == [50, 10, 60]
    assert task.signature.input_shape == (1, 28, 28)


def test_mnist_names_bad_labels_and_counts(tmp_path: Path) -> None:
    labels = np.arange(60, dtype=np.uint8) % 10
    labels[7] = 11
    with pytest.raises(NasError, match=r"MNIST label must be in 0..9; got 11 \(record 7 of"):
        load_task("mnist", _mnist_folder(tmp_path / "a", labels))
    with pytest.raises(NasError, match="one label for each image; got 59 for 60"):
        load_task("mnist", _mnist_folder(tmp_path / "b", labels[:59]))
    with pytest.raises(NasError, match="must have at least one image; got none"):
        load_task("mnist", _mnist_folder(tmp_path / "c", labels[:0], count=0))


# ---- cifar ---------------------------------------------------------------------------------------------------


def test_cifar_records_are_read_back(tmp_path: Path) -> None:
    (images, labels), (tested, _) = read_folder(_cifar_folder(tmp_path / FOLDER), records=20)
    table = np.frombuffer(_batch(20), np.uint8).reshape(20, 3073)
    assert images.shape == (100, 3, 32, 32)
    assert tested.shape == (20, 3, 32, 32)
    assert labels[:20].tolist() == table[:, 0].tolist()
    assert images[23, 2, 5, 9] == table[3, 1 + 2 * 1024 + 5 * 32 + 9]


def test_cifar_archive_gives_what_the_folder_gives(tmp_path: Path) -> None:
    folder = _cifar_folder(tmp_path / FOLDER)
    (folder / "readme.html").write_text("not a batch")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        tar.add(folder, FOLDER)
    for one, other in zip(read_folder(folder, 20), read_archive(tmp_path / "a.tar.gz", 20), strict=True):
        assert np.array_equal(one[0], other[0])
        assert np.array_equal(one[1], other[1])


def test_cifar_folder_names_what_is_wrong(tmp_path: Path) -> None:
    folder = _cifar_folder(tmp_path / FOLDER)
    with pytest.raises(NasError, match=r"batch must have 30730000 bytes; got 61460 .*data_batch_1.bin"):
        load_task("cifar10", tmp_path)
    (folder / "data_batch_3.bin").write_bytes(_batch(20, label=10))
    with pytest.raises(NasError, match=r"label must be in 0..9; got 10 \(record 0 of .*data_batch_3.bin"):
        read_folder(folder, 20)
    (folder / "data_batch_3.bin").unlink()
    with pytest.raises(NasError, match=r"must have data_batch_3.bin; got No such file"):
        read_folder(folder, 20)


def test_cifar_archive_names_what_is_wrong(tmp_path: Path) -> None:
    archive = tmp_path / "cifar-10-binary.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        info = tarfile.TarInfo(f"{FOLDER}/data_batch_1.bin")
        info.size = 61460
        tar.addfile(info, io.BytesIO(_batch(20)))
    with pytest.raises(NasError, match=r"must hold cifar-10-batches-bin/data_batch_2.bin; got none"):
        read_archive(archive, 20)
    with pytest.raises(NasError, match=r"must have MD5 checksum c32a1d4a\w+; got \w+"):
        load_task("cifar10", tmp_path)
    archive.write_bytes(archive.read_bytes()[:5000])
    with pytest.raises(NasError, match=r"archive must be a whole .tar.gz"):
        read_archive(archive, 20)


# ---- download ------------------------------------------------------------------------------------------------


class _Server(http.server.BaseHTTPRequestHandler):
    content = b"x" * 300_000

    def do_GET(self) -> None:
        if self.path == "/missing":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content[: 1000 if self.path == "/cut" else None])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


_MD5 = hashlib.md5(_Server.content).hexdigest()


def test_a_download_arrives_whole(tmp_path: Path, server: str, capsys: pytest.CaptureFixture[str]) -> None:
    download_module.download(f"{server}/file", tmp_path / "new" / "file", _MD5)
    assert (tmp_path / "new" / "file").read_bytes() == _Server.content
    assert _names(tmp_path / "new") == ["file"]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("url", "md5", "message"),
    [
        ("cut", _MD5, "(must have 300000 bytes; got 1000|IncompleteRead)"),
        ("file", "0" * 32, "must have MD5 checksum 0+; got"),
        ("missing", _MD5, "must be in the data folder or downloadable; got Not Found"),
    ],
)
def test_a_bad_download_leaves_nothing(tmp_path: Path, server: str, url: str, md5: str, message: str) -> None:
    with pytest.raises(NasError, match=message):
        download_module.download(f"{server}/{url}", tmp_path / "file", md5)
    assert _names(tmp_path) == []


def test_no_network_is_one_line_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cifar_module, "_URL", "http://127.0.0.1:9/cifar-10-binary.tar.gz")
    with pytest.raises(NasError, match=r"must be in the data folder or downloadable; got .*refused.*Copy it") as e:
        load_task("cifar10", tmp_path)
    assert "\n" not in str(e.value)
    assert _names(tmp_path) == []


def test_an_interrupted_download_leaves_nothing(tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(path: Path, md5: str, shown: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(download_module, "check_md5", interrupt)
    with pytest.raises(KeyboardInterrupt):
        download_module.download(f"{server}/file", tmp_path / "file", _MD5)
    assert _names(tmp_path) == []


def test_an_unwritable_folder_is_named(tmp_path: Path, server: str) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    with pytest.raises(NasError, match="must be written to the data folder"):
        download_module.download(f"{server}/file", tmp_path / "taken" / "file", _MD5)


def test_checksum_of_a_known_string(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    check_md5(tmp_path / "abc", "900150983cd24fb0d6963f7d28e17f72")  # RFC 1321, A.5


# ---- the real files ------------------------------------------------------------------------------------------


@pytest.mark.data
@pytest.mark.parametrize(("name", "sizes"), [("mnist", [55000, 5000, 10000]), ("cifar10", [45000, 5000, 10000])])
def test_the_real_files(name: str, sizes: list[int]) -> None:
    place = os.environ.get("SPARSENAS_DATA")
    folder = Path(place) if place else None
    found = folder is not None and ((folder / name).exists() or (folder / FOLDER).exists())
    if folder is None or not found:
        pytest.skip(f"needs SPARSENAS_DATA with {name}")
    task = load_task(name, folder)
    splits = (task.train, task.val, task.test)
    assert [len(s) for s in splits] == sizes
    assert torch.bincount(task.val.targets).sum() == 5000
    assert task.signature == SIGNATURES[name]
    if name == "cifar10":
        assert torch.bincount(task.val.targets).tolist() == [500] * 10
        mean, std = task.normalise.constants
        assert mean == pytest.approx((125.3, 123.0, 113.9), abs=1.0)
        assert std == pytest.approx((63.0, 62.1, 66.7), abs=1.5)
