"""ONNX files answer what the network answers, or are not kept; sizes on disk are those of files."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pruning import Evidence, PruningError, Sparsity, export, prune
from pruning.compaction import CSRLinear, compact, csr_bytes, dense_bytes, zipped_bytes
from tests.pruning.nets import NETS, evidence, make
from tests.pruning.reference_nets import reference
from tests.pruning.test_compaction import masked_output, shaken


def test_a_compacted_residual_network_runs_in_onnxruntime(tmp_path: Path) -> None:
    import onnxruntime

    module, shape = shaken(make("residual"), 0), NETS["residual"][1]
    masks = prune(module, Sparsity("random", 0.2), evidence("residual"))
    small = compact(module, masks, shape)
    written = export.export_onnx(small.module, shape, tmp_path / "deep" / "net.onnx")
    assert written.bytes == written.path.stat().st_size and written.departure <= 1e-4
    session = onnxruntime.InferenceSession(str(written.path), providers=["CPUExecutionProvider"])
    inputs = torch.randn(7, *shape, generator=torch.Generator().manual_seed(3))
    (found,) = session.run(None, {session.get_inputs()[0].name: inputs.numpy()})
    np.testing.assert_allclose(found, masked_output(module, masks, inputs).numpy(), rtol=1e-4, atol=1e-4)
    assert [file.name for file in written.path.parent.iterdir()] == ["net.onnx"]


def test_a_file_that_answers_otherwise_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "_write", lambda network, sample, path: path.write_bytes(b"x"))
    monkeypatch.setattr(export, "_run", lambda path, batch: [torch.full((len(batch), 4), 9.0)])
    with pytest.raises(PruningError, match=r"outputs must be the network's to 0\.0001; got a difference"):
        export.export_onnx(make("plain"), NETS["plain"][1], tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.import_module

    def without(name: str) -> Any:
        if name == "onnxscript":
            raise ImportError(name)
        return found(name)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(PruningError, match=r"got no 'onnxscript'. Install them: pip install 'sparsenas\[export\]'"):
        export.export_onnx(make("plain"), NETS["plain"][1], tmp_path / "net.onnx")


class Sorted(nn.Module):
    """What no exporter follows: a branch on values."""

    def forward(self, x: Tensor) -> Tensor:
        return x if float(x.sum()) > 0 else -x


def test_a_network_that_cannot_be_exported_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PruningError, match="a network must be of operations that ONNX knows; got "):
        export.export_onnx(Sorted(), (3,), tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []


def test_sizes_on_disk_by_hand() -> None:
    """A header aside: 4 bytes a number dense; as rows 4 + 1 bytes a kept entry and 4 for each row's end."""
    module, generator = nn.Linear(200, 100), torch.Generator().manual_seed(0)
    masks = prune(module, Sparsity("random", 0.01), Evidence((200,), generator))
    header = 8 + 1024
    assert 0 <= dense_bytes(module) - 4 * (200 * 100 + 100) < header
    assert 0 <= csr_bytes(module, masks) - (5 * 200 + 4 * 100 + 4 * 100) < header
    with torch.no_grad():
        module.weight.masked_fill_(~masks["weight"], 0.0)
    assert max(csr_bytes(module, masks), zipped_bytes(module)) < dense_bytes(module) / 10
    full = prune(module, Sparsity("random", 1.0), Evidence((200,), generator))
    assert csr_bytes(module, full) == dense_bytes(module)  # rows would be longer, so it stays dense


def test_csr_layers_are_for_here_only(tmp_path: Path) -> None:
    module, _ = reference("lenet_300_100")
    layer = module.get_submodule("fc1")
    assert isinstance(layer, nn.Linear)
    sparse = CSRLinear(layer.weight, layer.weight.abs() > 0.1, layer.bias)
    with pytest.raises(PruningError, match="Export it without CSR layers"):
        export.export_onnx(sparse, (784,), tmp_path / "net.onnx")
