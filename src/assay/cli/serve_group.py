"""Commands that are groups too: their own arguments go on working, and others stand beside."""

from __future__ import annotations

from typing import Any

import click


class CommandWithMore(click.Group):
    """Runs the command that its first argument names, and itself where that names none."""

    allow_interspersed_args = True
    """Groups end their options at the first argument; a command of its own doesn't."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:  # noqa: D102 - the contract is click's
        if args and args[0] in self.commands:
            ctx.invoked_subcommand = args[0]
            ctx.args = args[1:]
            return ctx.args
        return click.Command.parse_args(self, ctx, args)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: D102
        name = ctx.invoked_subcommand
        if name is None:
            return click.Command.invoke(self, ctx)
        with self.commands[name].make_context(name, list(ctx.args), parent=ctx) as inner:
            return self.commands[name].invoke(inner)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: D102
        click.Command.format_usage(self, ctx, formatter)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:  # noqa: D102
        return click.Command.collect_usage_pieces(self, ctx)
