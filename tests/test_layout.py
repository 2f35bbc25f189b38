"""The window's regions add up, in the order of the prompt."""

from vctx.context import Context
from vctx.layout import regions
from vctx.types import Frame, Region


def test_in_order_with_a_fault_s_wrapper_once_and_the_rest_free() -> None:
    """10 + 5 + 7 + (20 + 3) + 30 = 75 of 100; ages from tick 9."""
    said = Frame(1, 7, arrived=0, referenced=0)
    found = [Frame(page, tokens, 4, 4, fault=True) for page, tokens in ((8, 20), (9, 30))]
    assert regions([said, *found], fixed=10, digest=5, wrapper=3, room=100, tick=9) == (
        Region("fixed", 10),
        Region("digest", 5),
        Region("message", 7, said, 9),
        Region("fault", 23, found[0], 5),
        Region("fault", 30, found[1], 5),
        Region("free", 25),
    )


def test_what_is_empty_is_left_out() -> None:
    assert regions([], fixed=0, digest=0, wrapper=3, room=5, tick=-1) == (Region("free", 5),)
    assert regions([], fixed=9, digest=0, wrapper=3, room=9, tick=-1) == (Region("fixed", 9),)


def test_of_a_session_they_are_what_the_prompt_counts(ctx: Context) -> None:
    ctx.append("user", "My cat is called Miso.")
    ctx.append("user", "And the dog is called Udon.")
    ctx.recall("What is the cat called?")
    found = ctx.regions()
    assert sum(region.tokens for region in found) == ctx.budget.room
    taken = sum(region.tokens for region in found if region.name != "free")
    assert taken == ctx.tokens(ctx.messages())
    assert [region.frame for region in found if region.frame] == list(ctx.frames)
