"""The encoder in numpy, the change from it to torch, and streams of texts."""

import math
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tiny_bert import ODD, cosines, make_model, texts, write

from vctx.embed import bert, folder, light, load, native, stream
from vctx.embed.load import find
from vctx.embed.tokens import read
from vctx.errors import InputError, MissingError, ModelError
from vctx.ports import Advance

MANY = [*ODD, *texts(60, 30)]


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return make_model(tmp_path / "tiny")


@pytest.fixture
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has not imported torch: the light encoder is chosen."""
    monkeypatch.setattr(native, "torch_is_here", lambda: False)


def recipe(path: Path) -> folder.Recipe:
    found = folder.read(path)
    assert isinstance(found, folder.Recipe)
    return found


def both(path: Path, many: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of the same texts in numpy, and in torch in float32."""
    model = recipe(path)
    ids = read(path / "tokenizer.json", model.limit).ids(many)
    return light.Light(model).encode(ids), bert.Bert(model, "float32", "cpu").encode(ids)


# ---- numpy ----


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_numpy_agrees_with_torch(tiny: Path, pooling: str) -> None:
    write(tiny / "1_Pooling" / "config.json", {"embedding_dimension": 32, "pooling_mode": pooling})
    ours, expected = both(tiny, MANY)
    assert ours.dtype == np.float32
    assert cosines(ours, expected).min() > 0.99999
    np.testing.assert_allclose(ours, expected, atol=1e-5)


@pytest.mark.real
def test_numpy_agrees_with_torch_on_the_real_model() -> None:
    ours, expected = both(find("all-MiniLM-L6-v2"), [*ODD, *texts(40, 40), *texts(3, 250)])
    assert cosines(ours, expected).min() > 0.99999


@pytest.mark.parametrize("tokens", [2, 40, 200])
def test_a_product_in_pieces_is_the_product(tokens: int) -> None:
    """1,536 rows of 384: with 2 and 40 columns cut into pieces of 96 and 64 rows, with 200 left whole."""
    chance = np.random.default_rng(0)
    weight = chance.standard_normal((1536, 384), np.float32)
    bias = chance.standard_normal(1536, np.float32)
    x = chance.standard_normal((384, tokens), np.float32)
    expected = weight @ x + bias[:, None]
    np.testing.assert_allclose(light.Linear(weight, bias)(x), expected, atol=1e-3)


def test_gelu_is_exact_to_single_precision() -> None:
    """erfc is off by 1.5e-7 at most, and GELU by |x| / 2 of that; the rest is float32's own rounding."""
    x = np.concatenate([np.linspace(-12, 12, 50_001), np.linspace(-1, 1, 50_001)]).astype(np.float32)
    exact = np.array([value * math.erfc(-value / math.sqrt(2)) / 2 for value in x.tolist()])
    assert np.abs(light.gelu(x) - exact).max() < 4e-7
    assert light.gelu(np.array([-40, 0, 40], np.float32)).tolist() == [0, 0, 40]


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_numpy_reads_weights_of_half_precision(tiny: Path, kind: torch.dtype) -> None:
    weights = load_file(tiny / "model.safetensors")
    save_file({name: tensor.to(kind) for name, tensor in weights.items()}, tiny / "model.safetensors")
    ours, expected = both(tiny, MANY)
    assert cosines(ours, expected).min() > 0.99999


@pytest.mark.usefixtures("no_torch")
def test_numpy_encodes_while_torch_is_not_there_and_the_texts_are_few(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "WORTH", 20)
    embedder = load(str(tiny), dtype="float32")
    assert isinstance(embedder, native.Native)
    first = embedder.embed(["the page"])  # 4 tokens
    assert isinstance(embedder._encoder, light.Light)
    embedder.embed(["memory " * 14])  # 16 more
    assert isinstance(embedder._encoder, light.Light)
    np.testing.assert_allclose(embedder.embed(["the page"]), first, atol=1e-6)
    assert not isinstance(embedder._encoder, light.Light)


@pytest.mark.usefixtures("no_torch")
@pytest.mark.parametrize("how", [{"dtype": "bfloat16"}, {"device": "cuda"}])
def test_what_numpy_does_not_offer_is_left_to_torch(
    tiny: Path, how: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, object]] = []

    class Spy:
        def __init__(self, recipe: folder.Recipe, dtype: object, device: object) -> None:
            asked.append((dtype, device))

        def encode(self, ids: list[list[int]]) -> np.ndarray:
            return np.ones((len(ids), 32), np.float32)

    monkeypatch.setattr(bert, "Bert", Spy)
    load(str(tiny), **how).embed(["the page"])
    assert asked == [(how.get("dtype"), how.get("device"))]


@pytest.mark.usefixtures("no_torch")
@pytest.mark.parametrize(
    ("content", "match"),
    [(b"", "cannot be read"), (b"short", "cannot be read"), (b"\x02" + b"\0" * 7 + b"[]", "cannot be read")],
)
def test_numpy_refuses_broken_weights(tiny: Path, content: bytes, match: str) -> None:
    (tiny / "model.safetensors").write_bytes(content)
    with pytest.raises(InputError, match=match):
        load(str(tiny)).embed(["page"])


@pytest.mark.usefixtures("no_torch")
def test_numpy_refuses_weights_that_are_cut_off(tiny: Path) -> None:
    whole = (tiny / "model.safetensors").read_bytes()
    (tiny / "model.safetensors").write_bytes(whole[:-8])
    with pytest.raises(InputError, match="cannot be read"):
        load(str(tiny)).embed(["page"])


@pytest.mark.usefixtures("no_torch")
def test_numpy_names_what_is_missing_or_strange(tiny: Path) -> None:
    weights = load_file(tiny / "model.safetensors")
    table = "embeddings.word_embeddings.weight"
    save_file(weights | {table: weights[table][:6].clone()}, tiny / "model.safetensors")
    with pytest.raises(InputError, match="different models"):
        load(str(tiny)).embed(["memory"])
    del weights["encoder.layer.1.output.dense.bias"]
    save_file(weights, tiny / "model.safetensors")
    with pytest.raises(InputError, match=r"encoder\.layer\.1\.output\.dense\.bias"):
        load(str(tiny)).embed(["page"])


@pytest.mark.usefixtures("no_torch")
@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numpy_reports_weights_that_are_not_numbers(tiny: Path, number: float) -> None:
    weights = load_file(tiny / "model.safetensors")
    weights["encoder.layer.0.output.dense.bias"][3] = number
    save_file(weights, tiny / "model.safetensors")
    with pytest.raises(ModelError, match="not finite"):
        load(str(tiny)).embed(["page"])


PROBE = """
import sys
from vctx.embed import load
heavy = {"torch", "transformers", "sentence_transformers", "huggingface_hub", "scipy"}
embedder = load(sys.argv[1])
assert embedder.spans("page " * 99) and embedder.name and embedder.dim
embedder.embed(["page"])
assert not heavy & set(sys.modules), heavy & set(sys.modules)
embedder.embed(["page " * 30] * 200)
heavy.add("torch._inductor")
assert heavy & set(sys.modules) == {"torch"}, heavy & set(sys.modules)
"""


def test_a_query_needs_no_torch_and_bulk_no_transformers(tiny: Path) -> None:
    subprocess.run([sys.executable, "-c", PROBE, str(tiny)], check=True, cwd=Path(__file__).parents[1])


# ---- streams ----


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "TEXTS", 7)


@pytest.mark.usefixtures("small_blocks")
def test_a_stream_gives_the_vectors_of_embed_in_order(tiny: Path) -> None:
    embedder = load(str(tiny), dtype="float32")
    blocks = list(embedder.stream(iter(MANY)))
    assert [len(block) for block in blocks] == [7] * (len(MANY) // 7) + [len(MANY) % 7]
    alone = np.concatenate([embedder.embed([text]) for text in MANY])
    np.testing.assert_allclose(np.concatenate(blocks), alone, atol=1e-5)
    np.testing.assert_allclose(embedder.embed(MANY), alone, atol=1e-5)


@pytest.mark.usefixtures("small_blocks")
def test_a_stream_reads_one_block_ahead(tiny: Path) -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield "page"

    vectors = load(str(tiny)).stream(endless())
    for block in range(1, 5):
        assert len(next(vectors)) == 7
        assert taken <= 7 * (block + 1) + 1
    before = threading.active_count()
    vectors.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before - 1


def test_a_stream_of_nothing_ends_at_once(tiny: Path) -> None:
    assert list(load(str(tiny)).stream([])) == []


def test_a_block_is_bounded_in_characters() -> None:
    million = "x" * stream.CHARACTERS
    assert list(stream.blocks(["a", million, "b", "c"])) == [["a"], [million], ["b", "c"]]


@pytest.mark.usefixtures("small_blocks")
def test_a_stream_refuses_what_is_no_string_by_its_position(tiny: Path) -> None:
    vectors = load(str(tiny)).stream([*["page"] * 20, None])  # type: ignore[list-item]
    assert len(next(vectors)) == 7
    with pytest.raises(InputError, match="text 20 is of type NoneType"):
        list(vectors)
    with pytest.raises(InputError, match="into a list"):
        list(load(str(tiny)).stream("page"))


@pytest.mark.usefixtures("small_blocks")
def test_an_error_of_the_source_reaches_the_caller(tiny: Path) -> None:
    def source() -> Iterator[str]:
        yield from ["page"] * 10
        raise MissingError("the file is gone")

    with pytest.raises(MissingError, match="gone"):
        list(load(str(tiny)).stream(source()))


@pytest.mark.usefixtures("small_blocks")
def test_progress_is_shown_where_it_is_asked_for(tiny: Path) -> None:
    shown: list[object] = []

    @contextmanager
    def progress(label: str, total: int) -> Iterator[Advance]:
        shown.extend([label, total])
        yield lambda n, /, **_: shown.append(n)

    load(str(tiny)).embed(["page"] * 16, progress)
    assert shown == ["embedding", 16, 7, 7, 2]


def test_threads_may_share_an_embedder(tiny: Path) -> None:
    embedder = load(str(tiny), dtype="float32")
    expected = embedder.embed(MANY)
    light_one = light.Light(recipe(tiny))
    ids = embedder._tokens.ids(MANY)
    found: list[np.ndarray] = []

    def work() -> None:
        found.extend((embedder.embed(MANY), light_one.encode(ids)))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(found) == 8
    for vectors in found:
        np.testing.assert_allclose(vectors, expected, atol=1e-5)


# ---- strange input: a vector where there can be one, in numpy and in torch ----

STRANGE = {
    "nothing": "",
    "a megabyte in one line": "the page " * 120_000,
    "a word of a megabyte": "x" * 1_000_000,
    "NUL": "a\x00b",
    "lone surrogates": "\ud83d page \udc00",
    "CJK": "日本語のテキスト。中文也可以。한국어",
    "emoji": "👩‍👩‍👧🏳️‍🌈🙂",
}


@pytest.mark.parametrize("encoder", ["numpy", "torch"])
@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
def test_a_strange_text_has_a_vector_and_spans(
    tiny: Path, text: str, encoder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "torch_is_here", lambda: encoder == "torch")
    embedder = load(str(tiny), dtype="float32")
    alone, between = embedder.embed([text])[0], embedder.embed(["page", text, "memory " * 9])[1]
    assert np.linalg.norm(alone) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(alone, between, atol=1e-5)
    short = text[:2000]
    assert embedder.spans(short)[-1][1] == len(short)
    assert isinstance(embedder, native.Native)
    assert type(embedder._encoder).__module__.endswith("light" if encoder == "numpy" else "bert")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> native.Native:
    found = load(str(make_model(tmp_path_factory.mktemp("models") / "tiny")), dtype="float32")
    assert isinstance(found, native.Native)
    return found


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=[])), max_size=8))
def test_any_texts_have_unit_vectors(shared: native.Native, any_texts: list[str]) -> None:
    vectors = shared.embed(any_texts)
    assert vectors.shape == (len(any_texts), 32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@pytest.mark.real
@pytest.mark.usefixtures("no_torch")
def test_a_megabyte_in_one_line_agrees_with_its_beginning() -> None:
    """Both are cut to the same 256 tokens; a word of a megabyte is one unknown token, as [UNK] itself."""
    sentence = "the quick brown fox jumps over a lazy dog "
    embedder = load()
    vectors = embedder.embed([sentence * 25_000, sentence * 40, "x" * 1_000_000, "[UNK]"])
    assert cosines(vectors[::2], vectors[1::2]).min() > 0.99999
    assert len(embedder.spans(sentence * 25_000)) > 800
