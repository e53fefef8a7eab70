"""Write docs/cli.md from the commands' own --help; with --check, fail if the file is not up to date.

python scripts/write_cli_docs.py [--check]
"""

import os
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

os.environ["COLUMNS"] = "100"
os.environ["NO_COLOR"] = "1"

from neuroonco.cli import run

TARGET = Path(__file__).resolve().parent.parent / "docs" / "cli.md"
GROUPS = ("build", "check", "export", "ledger", "publish", "report", "review", "show", "sources", "train")


def help_of(*command: str) -> str:
    """The text that `neuroonco COMMAND --help` prints."""
    captured = StringIO()
    with redirect_stdout(captured):
        code = run([*command, "--help"])
    if code != 0:
        raise SystemExit(f"neuroonco {' '.join(command)} --help ended with {code}")
    return "\n".join(line.rstrip() for line in captured.getvalue().strip().splitlines())


def commands_in(text: str) -> list[str]:
    """Names under `Commands:` in a help text."""
    lines = text.partition("Commands:\n")[2].splitlines()
    return [line.split()[0] for line in lines if line.startswith("  ") and not line.startswith("   ")]


def sections() -> Iterator[str]:
    """The page, piece by piece."""
    yield "# Commands\n\nWritten by `scripts/write_cli_docs.py` from each command's `--help`.\n"
    yield (
        "Exit codes: 0 done, 1 finished but checks failed, 2 usage, 3 bad input, 4 prerequisite missing, "
        "5 provider failed after retries, 6 a provider still works on it, 130 interrupted.\n"
        "Results go to stdout; progress, counts and warnings go to stderr.\n"
    )
    top = help_of()
    for name in commands_in(top):
        names = [(name,)] if name not in GROUPS else [(name, sub) for sub in commands_in(help_of(name))]
        for command in names:
            yield f"## neuroonco {' '.join(command)}\n\n```\n{help_of(*command)}\n```\n"


def main() -> None:
    """Write the page, or compare it."""
    page = "\n".join(sections())
    if "--check" not in sys.argv:
        TARGET.write_text(page, encoding="utf-8")
    elif not TARGET.exists() or TARGET.read_text("utf-8") != page:
        raise SystemExit("docs/cli.md is not what --help says; fix: python scripts/write_cli_docs.py")


if __name__ == "__main__":
    main()
