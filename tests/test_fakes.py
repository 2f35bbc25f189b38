"""The parts that ship for tests keep to the seams that they stand for."""

from hypothesis import given
from hypothesis import strategies as st

from vctx.fakes import ScriptedModel
from vctx.ports import AsyncModel, Model
from vctx.types import Message, Reply, ToolCall

ASK = [Message("user", "Which?")]


@given(st.text(), st.integers(1, 20))
def test_a_scripted_stream_is_the_reply_in_pieces(text: str, limit: int) -> None:
    call = ToolCall("a", "search", "{}")
    first, again = (ScriptedModel([text], calls=[[call]]) for _ in range(2))
    *pieces, last = first.stream(ASK, max_tokens=limit)
    assert last == again.complete(ASK, max_tokens=limit)
    assert isinstance(last, Reply) and "".join(map(str, pieces)) == last.text and last.calls == (call,)


def test_a_model_need_not_be_async() -> None:
    model: Model = ScriptedModel(["x"])
    assert not isinstance(model, AsyncModel)
