"""``assay completion``: the script that teaches a shell to complete ``assay`` commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    Examples:
      assay completion bash >> ~/.bashrc
      assay completion zsh >> ~/.zshrc
      assay completion fish > ~/.config/fish/completions/assay.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    root = ctx.find_root()
    click.echo(kind(root.command, {}, "assay", "_ASSAY_COMPLETE").source())
