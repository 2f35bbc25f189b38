"""Devices: what is the same everywhere runs on the CPU, with faults injected; CUDA itself is marked `gpu`."""

from collections.abc import Callable, Sequence
from itertools import accumulate, groupby, pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_bert import ODD, cosines, make_model, texts
from torch.nn import functional

from vctx.embed import attend, bert, device, folder, graph, load, slots, varlen
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


def test_memory_that_runs_out_halves_the_batch_and_goes_on(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VCTX_THREADS", "1")  # a GPU has one lane
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

LENGTHS = [1, 1, 2, *[5] * 20, 30, *[40] * 17, *[64] * 9, 100, 130, 250, 250, 300]


def flash(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    starts: torch.Tensor,
    _: torch.Tensor,
    longest: int,
    __: int,
) -> torch.Tensor:
    """torch's kernel in the small: one text after the other, (T, heads, head_dim), and NaN beyond."""
    mixed = torch.full_like(query, torch.nan)
    for start, stop in pairwise(starts.tolist()):
        assert stop - start <= longest
        if start < stop:
            q, k, v = (tensor[start:stop].transpose(0, 1) for tensor in (query, key, value))
            mixed[start:stop] = functional.scaled_dot_product_attention(q, k, v).transpose(0, 1)
    return mixed


def agree(other: attend.Layout, lengths: list[int], dtype: torch.dtype, spread: float = 1) -> None:
    """`other` attends and pools as `Groups` does, over packed tokens with seven rows to spare."""
    torch.manual_seed(0)
    rows, real = sum(lengths) + 7, sum(lengths)
    qkv = (torch.randn(rows, 3 * 32) * spread).to(dtype)
    one = attend.Groups(lengths, rows)
    exact = (1e-5 if dtype == torch.float32 else 2e-2) * spread**2
    attended = other.attend(qkv, 4)
    assert attended.shape == (rows, 32)
    torch.testing.assert_close(attended[:real], one.attend(qkv, 4)[:real], atol=exact, rtol=exact)
    poolings: list[folder.Pooling] = ["mean", "cls"]
    for pooling in poolings:
        pooled = other.pool(qkv, pooling)[: len(lengths)]
        assert pooled.dtype == torch.float32
        torch.testing.assert_close(pooled, one.pool(qkv, pooling), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_flash_attention_agrees_with_groups_and_passes_empty_texts_over(dtype: torch.dtype) -> None:
    starts = torch.tensor([0, *accumulate(LENGTHS), *[sum(LENGTHS)] * 3], dtype=torch.int32)
    agree(varlen.Varlen(starts, 300, flash), LENGTHS, dtype)


def test_torchs_own_kernel_takes_the_call() -> None:
    """On tensors without numbers, which need no CUDA device: names, order and types of the arguments."""
    kernel = varlen.kernel()
    if kernel is None:
        pytest.skip("this torch has no attention for texts of different lengths")
    starts = torch.zeros(4, dtype=torch.int32, device="meta")
    qkv = torch.zeros(20, 3 * 32, dtype=torch.bfloat16, device="meta")
    attended = varlen.Varlen(starts, 9, kernel).attend(qkv, 4)
    assert (attended.shape, attended.dtype) == ((20, 32), torch.bfloat16)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_slots_agree_with_groups(dtype: torch.dtype) -> None:
    agree(slots.Slots(LENGTHS, sum(LENGTHS) + 7), LENGTHS, dtype)


@pytest.mark.parametrize(("spread", "safe"), [(1, True), (12, False)])
def test_scores_that_exp2_cannot_hold_are_computed_the_slow_way(
    spread: float, safe: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores of 32 products of numbers of size 12 reach several hundred: 2 ** 300 is no bfloat16."""
    slow: list[int] = []
    attention = functional.scaled_dot_product_attention

    def spy(query: torch.Tensor, *others: object, **how: object) -> torch.Tensor:
        slow.append(len(query))
        return attention(query, *others, **how)  # type: ignore[arg-type]

    lengths = [10] * slots.TEXTS  # one product
    layout = slots.Slots(lengths, sum(lengths) + 7)
    monkeypatch.setattr(functional, "scaled_dot_product_attention", spy)
    layout.attend(torch.randn(sum(lengths) + 7, 3 * 32) * spread, 4)
    assert slow == ([] if safe else [slots.TEXTS])
    monkeypatch.undo()
    agree(layout, lengths, torch.float32, spread)


@given(st.lists(st.integers(1, 512), max_size=200))
def test_products_take_neighbours_once_in_few_shapes(lengths: list[int]) -> None:
    lengths.sort()
    taken = list(slots.products(lengths))
    assert [first for first, _, _ in taken] == [0, *(end for _, end, _ in taken)][: len(taken)]
    assert all(max(lengths[first:end]) <= width for first, end, width in taken)
    shapes = {(end - first, width) for first, end, width in taken}
    assert all(len(list(same)) == 1 for _, same in groupby(sorted(shapes, key=lambda shape: shape[1])))
    assert len({slots.slot(length) for length in range(1, 513)}) == 36


# ---- recorded batches ----


def record(run: Callable[[], torch.Tensor], _: torch.device) -> tuple[Callable[[], object], torch.Tensor]:
    """A CUDA graph in the small: a replay reads and writes the tensors of the recording."""
    found = run().clone()
    return lambda: found.copy_(run()), found


def test_recorded_batches_give_the_same_vectors(tiny: Path) -> None:
    recipe, ids = parts(tiny)
    plain = bert.Bert(recipe, "float32", "cpu")
    expected = plain.encode(ids)
    runs = 0

    def forward(*given: object) -> torch.Tensor:
        nonlocal runs
        runs += 1
        return bert.Bert._forward(recorded, *given)  # type: ignore[arg-type]

    recorded = bert.Bert(recipe, "float32", "cpu")
    recorded._graphs = graphs = graph.Graphs(forward, flash, recipe.limit, CPU, record)
    for _ in range(3):  # run, recorded, replayed
        np.testing.assert_allclose(recorded.encode(ids), expected, atol=1e-5)
    np.testing.assert_allclose(recorded.encode(ids[::-1]), expected[::-1], atol=1e-5)
    assert len(graphs._recorded) < 4
    graphs.forget()
    np.testing.assert_allclose(recorded.encode(ids[:5]), expected[:5], atol=1e-5)


def test_a_size_is_recorded_when_it_comes_again() -> None:
    asked: list[int] = []

    def spy(run: Callable[[], torch.Tensor], on: torch.device) -> tuple[Callable[[], object], torch.Tensor]:
        asked.append(1)
        return record(run, on)

    def forward(tokens: torch.Tensor, places: torch.Tensor, layout: attend.Layout) -> torch.Tensor:
        return layout.pool(tokens[:, None].float() + places[:, None], "mean")

    graphs = graph.Graphs(forward, flash, 9, CPU, spy)
    for number, value in enumerate((1, 2, 3, 4)):
        found = graphs(np.full(5, value, np.int32), np.zeros(5, np.int32), [2, 3])
        assert found[:, 0].tolist() == [value, value]
        assert len(asked) == (number > 0)


@pytest.mark.parametrize(
    ("batch", "expected"),
    [((1, 1), (256, 4)), ((256, 5), (256, 32)), ((257, 33), (512, 64)), ((16384, 9000), (16384, 16384))],
)
def test_a_batch_takes_the_smallest_size_that_holds_it(
    batch: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert graph.size(*batch) == expected


def test_a_batch_goes_to_the_device_as_one_array() -> None:
    tokens, places = np.array([7, 8, 9], np.int32), np.array([0, 1, 0], np.int32)
    assert graph.packed(tokens, places, [2, 1], (4, 3)).tolist() == [7, 8, 9, 0, 0, 1, 0, 0, 0, 2, 3, 3]


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
@cuda
def test_recorded_batches_on_cuda_agree_with_those_that_are_run(tiny: Path) -> None:
    recipe, ids = parts(tiny)
    encoder = bert.Bert(recipe, "bfloat16", "cuda")
    first = encoder.encode(ids)
    for _ in range(2):
        np.testing.assert_allclose(encoder.encode(ids), first, atol=1e-3)
    assert encoder._graphs
    assert any(encoder._graphs._recorded.values())


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
