"""Put the commands together, run one, and turn what goes wrong into one line and an exit code."""

import os
import sys
from importlib import import_module
from io import TextIOWrapper
from typing import Any

import typer

from neuroonco.errors import NeuroOncoError, printable

EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
INTERRUPTED = "interrupted; run the same command again to go on from there"

COMMANDS = {
    "walk": ("demo", "run", "trace"),
    "report": ("report",),
    "browse": ("browse",),
    "publish": ("publish",),
    "sources": ("sources",),
    "phantoms": ("phantoms",),
    "catalog": ("catalog",),
    "slices": ("measure", "describe"),
    "curate": ("curate",),
    "label": ("read", "fuse", "audit"),
    "build": ("build",),
    "check": ("check",),
    "review": ("review",),
    "predict": ("predict",),
    "score": ("score", "compare"),
    "export": ("export",),
    "train": ("train",),
    "show": ("show",),
    "ledger": ("ledger",),
    "validate": ("validate",),
}
"""Module of this package -> the commands that it registers. Only the module of the command that is run is imported:
all of them together take seconds."""


def app_for(command: str | None) -> typer.Typer:
    """The application with the commands of one module, or with all of them if no module has that command."""
    app = typer.Typer(
        name="neuroonco",
        help="Public brain-tumor MRI collections to a vision-language dataset, benchmark and model.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(lambda: None)  # so that a module with one command is still a group of commands
    owners = [module for module, names in COMMANDS.items() if command in names] or list(COMMANDS)
    for module in owners:
        import_module(f"neuroonco.cli.{module}").register(app)
    return app


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit with its code; every expected failure is one line on stderr.

    Exit codes: 0 done, 1 finished but checks failed, 2 usage, 3 bad input, 4 prerequisite missing, 5 provider
    failed, 6 a provider works on it, 130 interrupted.
    """
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Like :func:`main`, but returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a file name need not be text that the terminal can show
            stream.reconfigure(errors="backslashreplace")
    try:
        given = sys.argv[1:] if arguments is None else arguments
        app = app_for(given[0] if given else None)
        code = app(args=arguments, standalone_mode=False, prog_name="neuroonco")
        sys.stdout.flush()
    except NeuroOncoError as error:
        return _fail(error.line, error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _fail(INTERRUPTED, EXIT_INTERRUPTED)
    except BrokenPipeError:
        # Whoever reads our output has had enough, e.g. `| head`; nothing more can be said to them.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        # Typer's own usage errors have no common importable base across its versions.
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        if type(error).__name__ == "NoArgsIsHelpError":
            return _fail(message(), EXIT_USAGE)
        command = " ".join(["neuroonco", *_commands_named(app, given), "--help"])
        return _fail(f"error[USAGE]: {printable(message())}; fix: {command}", EXIT_USAGE)
    if code == EXIT_INTERRUPTED:  # some versions of Typer turn the interrupt into this number themselves
        return _fail(INTERRUPTED, EXIT_INTERRUPTED)
    return code if isinstance(code, int) else 0


def _commands_named(app: typer.Typer, given: list[str]) -> list[str]:
    """The command that the first arguments name, and the groups that it is in."""
    found: list[str] = []
    command: Any = typer.main.get_command(app)
    for word in given:
        command = getattr(command, "commands", {}).get(word)
        if command is None:
            break
        found.append(word)
    return found


def _fail(line: str, code: int) -> int:
    print(line, file=sys.stderr)  # noqa: T201  (the one place where failures are shown)
    return code
