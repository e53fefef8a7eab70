"""A command imports what it needs: the shortest ones start at once."""

import subprocess
import sys
from importlib import import_module

import pytest
import typer

from neuroonco.cli.app import COMMANDS


@pytest.mark.parametrize("module", COMMANDS)
def test_modules_register_the_commands_they_are_listed_with(module: str) -> None:
    app = typer.Typer()
    import_module(f"neuroonco.cli.{module}").register(app)
    names = [c.name for c in app.registered_commands] + [g.name for g in app.registered_groups]
    assert tuple(names) == COMMANDS[module]


@pytest.mark.parametrize(
    ("arguments", "untouched"),
    [
        (["catalog", "--help"], {"scipy", "skimage", "jinja2", "sklearn", "ray", "neuroonco.walk", "neuroonco.curate"}),
        (["show", "--help"], {"scipy", "skimage", "jinja2", "ray", "neuroonco.walk"}),
    ],
)
def test_what_is_not_needed_is_not_imported(arguments: list[str], untouched: set[str]) -> None:
    script = f"import sys; from neuroonco.cli import run; run({arguments!r}); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not untouched & set(done.stderr.split())


def test_an_unknown_command_is_one_line() -> None:
    done = subprocess.run([sys.executable, "-m", "neuroonco", "catalogue"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error[USAGE]")
    assert done.stderr.count("\n") == 1
