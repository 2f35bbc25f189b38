"""Results as data for --json, and as text for people. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any

from vctx.types import (
    Added,
    Answer,
    Document,
    Found,
    Hit,
    Match,
    Message,
    Page,
    Quote,
    SessionInfo,
    Stats,
)

EXCERPT = 200
"""Characters of a page that a list shows."""


def document(document: Document) -> dict[str, Any]:
    return asdict(document)


def documents(documents: Sequence[Added]) -> str:
    return "\n".join(f"{d.name}: {_made(d)}" for d in documents)


def _made(added: Added) -> str:
    """Pages, chunks and tokens; of what was there before, what is new."""
    printed = f"{many(added.printed, 'printed page')}, " if added.printed else ""
    whole = f"{printed}{many(added.chunks, 'chunk')}"
    if not added.new and not added.gone:
        return f"{whole}, as it was"
    tokens = many(added.tokens, "token")
    if added.new == added.chunks and not added.gone:
        return f"{whole}, {tokens}"
    return f"{whole}; {added.new:,} new, {tokens}; {added.gone:,} gone"


def place(page: Page) -> str:
    """Where a page stands, as a reader would look it up."""
    if page.source is None:
        return f"page {page.id}, {page.author or page.role}, {page.created_at:%Y-%m-%d}"
    if page.talk:
        said = f"{page.author or page.role}, {page.created_at:%Y-%m-%d}"
        title = f", {page.source.heading}" if page.source.heading else ""
        return f"{page.source.document}{title}, {said} (page {page.id})"
    number = "" if page.source.number is None else f" p. {page.source.number}"
    heading = f", {page.source.heading}" if page.source.heading else ""
    return f"{page.source.document}{number}{heading} (page {page.id})"


def answer(answer: Answer, quote: Quote | None, pages: Sequence[Page]) -> dict[str, Any]:
    return {
        "answer": answer.text,
        "quote": quote
        and {"sentence": quote.sentence, "page": quote.page.id, "score": round(quote.score, 4)},
        "pages": [{"id": page.id, "place": place(page), "text": page.text} for page in pages],
        "faults": answer.faults,
        "tokens": answer.tokens,
        "limit": answer.limit,
    }


def answered(answer: Answer, quote: Quote | None) -> str:
    return f"{said(answer)}\n{source(answer, quote)}"


def source(answer: Answer, quote: Quote | None, reserve: int | None = None) -> str:
    """What stands below an answer: the sentence that supports it, and the paging; that it was cut."""
    return "\n".join(
        [*(("", _quoted(quote)) if quote else ()), *_cut(answer, reserve), f"  {paging(answer)}"]
    )


def _cut(answer: Answer, reserve: int | None) -> tuple[str, ...]:
    """That the reply came to the end of its reserve, if it did."""
    if reserve is None or (answer.reply.completion_tokens or 0) < reserve:
        return ()
    return (f"  the reply ended at its limit of {reserve:,} tokens: --reserve names a larger one",)


def _quoted(quote: Quote) -> str:
    return f'  "{quote.sentence}"\n  {place(quote.page)}'


def cost(value: float, unit: str) -> str:
    """An amount of money, or of seconds."""
    if unit != "$":
        return f"{value:,.1f} {unit}"
    return f"${value:,.2f}" if value >= 10 else f"${value:.4f}"


def places(pages: Sequence[Page]) -> str:
    """Where pages stand, in one line."""
    return "; ".join(map(place, pages))


def under(answer: Answer, quote: Quote | None, pages: Sequence[Page], reserve: int | None = None) -> str:
    """What stands below an answer in a chat: the sentence that supports it, the other sources, the paging."""
    others = [place(page) for page in pages if quote is None or page.id != quote.page.id]
    also = f"  {'also' if quote else 'from'}: {'; '.join(others)}" if others else ""
    first = _quoted(quote) if quote else ""
    return "\n".join(part for part in (first, also, *_cut(answer, reserve), f"  {paging(answer)}") if part)


def said(answer: Answer) -> str:
    return answer.text.strip() or "(the model said nothing)"


def paging(answer: Answer) -> str:
    """One line: references, faults, tokens."""
    warning = f"\n  {answer.warning}" if answer.warning else ""
    return (
        f"{many(len(answer.hits), 'reference')}, {many(answer.faults, 'fault')}, "
        f"{answer.tokens:,} of {answer.limit:,} tokens in the window{warning}"
    )


def stats(stats: Stats, messages: int) -> dict[str, Any]:
    return {
        "documents": [document(d) for d in stats.documents],
        "messages": messages,
        "pages": stats.pages,
        "characters": stats.characters,
        "pending": stats.pending,
    }


def listing(stats: Stats, messages: int) -> str:
    lines = [f"{d.name}  {many(d.chunks, 'chunk')}" for d in stats.documents]
    waits = f", {stats.pending} wait for their embedding" if stats.pending else ""
    lines.append(f"conversation  {many(messages, 'message')}")
    lines.append(f"{many(stats.pages, 'page')}, {stats.characters:,} characters on disk{waits}")
    return "\n".join(lines)


def window(messages: Sequence[Message], counts: Sequence[int], limit: int, due: int) -> dict[str, Any]:
    """The prompt, its tokens, and how many messages are yet to be summarised."""
    rows = [{**asdict(m), "tokens": n} for m, n in zip(messages, counts, strict=True)]
    return {"messages": rows, "tokens": sum(counts), "limit": limit, "due": due}


def seen(messages: Sequence[Message], counts: Sequence[int], limit: int, due: int) -> str:
    rows = [f"--- {_who(m)}, {n:,} tokens\n{_calls(m)}" for m, n in zip(messages, counts, strict=True)]
    waits = f"; {many(due, 'message')} to be summarised before the next answer" if due else ""
    return "\n".join([*rows, f"--- {sum(counts):,} of {limit:,} tokens{waits}"])


def _who(message: Message) -> str:
    return f"{message.role} {message.name} ({message.call})" if message.call else message.role


def _calls(message: Message) -> str:
    calls = (f"-> {call.name} ({call.id}) {call.arguments}" for call in message.calls)
    return "\n".join(text for text in (message.content, *calls) if text)


def page(page: Page) -> dict[str, Any]:
    return {
        "id": page.id,
        "kind": page.kind,
        "role": page.role,
        "author": page.author,
        "at": page.created_at.isoformat(),
        "place": place(page),
        "text": page.text,
    }


def pages(pages: Sequence[Page]) -> str:
    return "\n".join(f"--- {place(page)}\n{page.text.strip()}" for page in pages)


def hit(hit: Hit, page: Page) -> dict[str, Any]:
    return {
        "page": page.id,
        "place": place(page),
        "score": round(hit.score, 4),
        "text": page.text if hit.span is None else page.text[slice(*hit.span)],
        "signals": {name: round(share, 4) for name, share in hit.signals.items() if share},
        "resident": hit.resident,
    }


def hits(hits: Sequence[Hit], pages: Sequence[Page]) -> str:
    lines = [f"{h.score:6.2f}  {place(p)}\n        {_short(h, p)}" for h, p in zip(hits, pages, strict=True)]
    return "\n".join(lines) or "nothing on disk answers that"


def _short(hit: Hit, page: Page) -> str:
    text = " ".join((page.text if hit.span is None else page.text[slice(*hit.span)]).split())
    return text if len(text) <= EXCERPT else f"{text[: EXCERPT - 1]}…"


def report(problems: Sequence[str], repaired: Sequence[str]) -> str:
    """What a check found."""
    lines = [*(f"lost: {text}" for text in problems), *(f"repaired: {text}" for text in repaired)]
    return "\n".join(lines) or "sound"


def laid(lines: Sequence[Sequence[str]], left: Collection[int] = (0,)) -> list[str]:
    """The lines as columns: those of `left` begin together, the others end together."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if n in left else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def many(n: int, noun: str) -> str:
    """A number and what it counts."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def sessions(found: Sequence[SessionInfo]) -> str:
    return "\n".join(_session(info) for info in found)


def _session(info: SessionInfo) -> str:
    whose = f"{info.user}: " if info.user else ""
    title = f"  {whose}{info.title}" if whose or info.title else ""
    state = f"cannot be read: {info.problem}" if info.problem else many(info.pages, "page")
    return f"{info.name}{title}  {state}"


def matches(found: Found) -> dict[str, Any]:
    return {
        "matches": [_match(match) for match in found.matches],
        "unread": [asdict(info) for info in found.unread],
    }


def _match(match: Match) -> dict[str, Any]:
    page = match.page
    score = round(match.hit.score, 4)
    return {
        "session": match.session,
        "page": page.id,
        "place": place(page),
        "text": page.text,
        "score": score,
    }


def matched(found: Found) -> str:
    lines = [f"{m.session}, {place(m.page)}\n        {_short(m.hit, m.page)}" for m in found.matches]
    return "\n".join(lines) or "nothing on disk answers that"


def gone(purged: bool) -> str:
    return "gone from every file" if purged else "forgotten, but not yet purged"
