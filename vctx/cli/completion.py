"""`vctx completion`: what makes a shell complete commands, options, sessions, pages and branches."""

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes a shell complete vctx.

    Commands and options, and the sessions, pages, documents and branches that there are.

    \b
      eval "$(vctx completion bash)"       # in ~/.bashrc
      eval "$(vctx completion zsh)"        # in ~/.zshrc
      vctx completion fish > ~/.config/fish/completions/vctx.fish
    """
    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(context.find_root().command, {}, "vctx", "_VCTX_COMPLETE").source())
