"""A group of commands of which one, ``run``, need not be named."""

from typing import Any

from typer.core import TyperGroup


class RunGroup(TyperGroup):
    """``publish runs/demo`` means ``publish run runs/demo``; the same for ``report``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put ``run`` before arguments that begin with no command."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["run", *args]
        return super().parse_args(ctx, args)
