"""Devices: what is the same everywhere runs on the CPU, with faults injected; CUDA itself is marked `gpu`."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_bert import ODD, cosines, make_model, texts
from torch.nn import functional

from vctx.embed import attend, bert, device, folder, load
from vctx.embed.tokens import read
from vctx.errors import InputError, ModelError

CPU = torch.device("cpu")
MANY = [*ODD, *texts(200, 30)]


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return make_model(tmp_path / "tiny")


def parts(path: Path) -> tuple[folder.Recipe, list[list[int]]]:
    recipe = folder.read(path)
    assert isinstance(recipe, folder.Recipe)
    return recipe, read(path / "tokenizer.json", recipe.limit).ids(MANY)


# ---- memory that runs out ----


class Scarce(bert.Bert):
    """An encoder whose device holds `room` tokens at a time."""

    room = 100

    def _batch(self, ids: Sequence[Sequence[int]]) -> torch.Tensor:
        self.tried.append(sum(map(len, ids)))
        if self.tried[-1] > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory (made up)")
        return super()._batch(ids)

    def __init__(self, recipe: folder.Recipe) -> None:
        super().__init__(recipe, "float32", "cpu")
        self.tried: list[int] = []


def test_memory_that_runs_out_halves_the_batch_and_goes_on(tiny: Path) -> None:
    recipe, ids = parts(tiny)
    scarce = Scarce(recipe)
    expected = bert.Bert(recipe, "float32", "cpu").encode(ids)
    np.testing.assert_allclose(scarce.encode(ids), expected, atol=1e-5)
    assert scarce.tried[0] > 1000
    scarce.tried.clear()
    scarce.encode(ids)
    assert max(scarce.tried) <= scarce.room, "the budget found by the first call holds for the second"


def test_a_single_text_beyond_the_memory_is_an_error_that_says_what_to_do(tiny: Path) -> None:
    recipe, ids = parts(tiny)
    scarce = Scarce(recipe)
    scarce.room = 20
    with pytest.raises(ModelError, match=r'no memory for one text of \d+ tokens.*device="cpu"'):
        scarce.encode(ids)


# ---- layouts: the same vectors from each ----


def varlen(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    starts: torch.Tensor,
    _: torch.Tensor,
    longest: int,
    __: int,
) -> torch.Tensor:
    """torch's kernel in the small: one text after the other, (T, heads, head_dim)."""
    mixed = []
    for start, stop in pairwise(starts.tolist()):
        assert stop - start <= longest
        q, k, v = (tensor[start:stop].transpose(0, 1) for tensor in (query, key, value))
        mixed.append(functional.scaled_dot_product_attention(q, k, v).transpose(0, 1))
    return torch.cat(mixed)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_layouts_agree(dtype: torch.dtype) -> None:
    lengths = [1, 1, 2, 5, 5, 5, *[40] * 7, 64, 1, 1]
    torch.manual_seed(0)
    qkv = torch.randn(sum(lengths), 3 * 32).to(dtype)
    one, other = attend.Groups(lengths), attend.Varlen(lengths, CPU, varlen)
    exact = 1e-5 if dtype == torch.float32 else 2e-2
    torch.testing.assert_close(other.attend(qkv, 4), one.attend(qkv, 4), atol=exact, rtol=exact)
    poolings: list[folder.Pooling] = ["mean", "cls"]
    for pooling in poolings:
        pooled = other.pool(qkv, pooling)
        assert pooled.dtype == torch.float32
        torch.testing.assert_close(pooled, one.pool(qkv, pooling), atol=1e-5, rtol=1e-5)


def test_cuda_takes_the_whole_batch_at_once_where_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = torch.device("cuda")
    monkeypatch.setattr(attend, "upload", lambda tensor, where: tensor)
    best = attend.layouts(cuda, torch.bfloat16)
    assert isinstance(best([1, 2]), attend.Varlen)
    assert isinstance(attend.layouts(cuda, torch.float32)([1, 2]), attend.Groups)
    monkeypatch.setattr(attend, "varlen", lambda: None)
    assert isinstance(attend.layouts(cuda, torch.bfloat16)([1, 2]), attend.Groups)


# ---- choosing ----


def cards(monkeypatch: pytest.MonkeyPatch, count: int, capability: tuple[int, int] = (9, 0)) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)


def test_a_cuda_device_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    cards(monkeypatch, 0)
    assert device.pick(None) == device.pick("cpu") == CPU
    cards(monkeypatch, 2)
    assert device.pick(None) == torch.device("cuda")
    assert device.pick("cpu") == CPU
    assert device.pick("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(InputError, match=r"cuda:2.*reaches cpu, cuda, cuda:0, cuda:1"):
        device.pick("cuda:2")


@pytest.mark.parametrize(("capability", "expected"), [((7, 5), torch.float32), ((8, 0), torch.bfloat16)])
def test_bfloat16_is_for_cards_that_multiply_it(
    capability: tuple[int, int], expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards(monkeypatch, 1, capability)
    assert device.precision(None, torch.device("cuda")) == expected
    assert device.precision("float32", torch.device("cuda")) == torch.float32


def test_a_device_that_is_not_here_is_refused(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cards(monkeypatch, 0)
    with pytest.raises(InputError, match="reaches cpu"):
        load(str(tiny), device="cuda").embed(["page"])
    for unknown in ("gpu", "cuda:", "mps", ""):
        with pytest.raises(InputError, match="device"):
            load(str(tiny), device=unknown)


# ---- CUDA ----

cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is in reach of this torch")


@pytest.mark.gpu
@cuda
@pytest.mark.parametrize(("dtype", "least"), [("float32", 0.9999), ("bfloat16", 0.999)])
def test_vectors_on_cuda_agree_with_the_cpu(tiny: Path, dtype: folder.Dtype, least: float) -> None:
    recipe, ids = parts(tiny)
    expected = bert.Bert(recipe, "float32", "cpu").encode(ids)
    assert cosines(bert.Bert(recipe, dtype, "cuda").encode(ids), expected).min() > least


@pytest.mark.gpu
@pytest.mark.real
@cuda
def test_the_real_model_on_cuda_agrees_with_the_cpu() -> None:
    many = [*ODD, *texts(500, 250)]
    expected = load(dtype="float32", device="cpu").embed(many)
    assert cosines(load(device="cuda").embed(many), expected).min() >= 0.999


@pytest.mark.gpu
@cuda
def test_real_memory_that_runs_out_is_survived(tiny: Path) -> None:
    recipe, ids = parts(tiny)
    encoder = bert.Bert(recipe, "float32", "cuda")
    expected = encoder.encode(ids)
    torch.cuda.empty_cache()
    _, total = torch.cuda.mem_get_info()
    torch.cuda.set_per_process_memory_fraction(min(1.0, (torch.cuda.memory_reserved() + (64 << 20)) / total))
    try:
        encoder._budget = 1 << 20
        many = ids * 200
        np.testing.assert_allclose(encoder.encode(many)[: len(ids)], expected, atol=1e-4)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
