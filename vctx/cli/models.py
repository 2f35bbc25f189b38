"""`vctx models`: the chat models that can be used here, and how each one counts."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import click

from vctx.cli.session import JSON
from vctx.types import Installed


@dataclass(frozen=True)
class Endpoint:
    """What is set for models served elsewhere; never the key itself."""

    model: str
    base_url: str
    key: bool
    counts: str
    window: str


@click.command()
@JSON
def models(as_json: bool) -> None:
    """List the chat models that can be used here.

    Windows are in tokens; each model counts with its own tokenizer, an endpoint with --tokenizer, else by an
    estimate that learns from its replies. Nothing is downloaded.

    \b
      vctx models
      vctx chat --db alice.db --model smollm2
    """
    from vctx import boot

    found, endpoint = boot.models(), _endpoint()
    if as_json:
        click.echo(json.dumps({"local": [asdict(one) for one in found], "endpoint": asdict(endpoint)}))
    else:
        click.echo("\n".join((*map(_line, found), "", *_told(endpoint))))


def _endpoint() -> Endpoint:
    given = os.environ.get
    return Endpoint(
        given("VCTX_MODEL", ""),
        given("VCTX_BASE_URL", "") or given("OPENAI_BASE_URL", ""),
        bool(given("OPENAI_API_KEY")),
        given("VCTX_TOKENIZER", "") or "an estimate that learns",
        given("VCTX_WINDOW", ""),
    )


def _line(model: Installed) -> str:
    if model.problem:
        return f"{model.name:<28} {model.problem}"
    return f"{model.name:<28} {model.window:>9,} tokens, counted by {model.counts}  {model.path}"


def _told(endpoint: Endpoint) -> Iterator[str]:
    where = endpoint.base_url or "none; name one with --base-url or VCTX_BASE_URL"
    yield f"endpoint  {where}"
    key = "set" if endpoint.key else "none; set OPENAI_API_KEY (a server on this machine needs none)"
    yield f"key       {key}"
    yield f"model     {endpoint.model or 'none; name one with --model or VCTX_MODEL'}"
    yield f"counts    {endpoint.counts}"
    yield f"window    {endpoint.window or '4,096 tokens; --window or VCTX_WINDOW says another'}"
