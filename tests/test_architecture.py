"""The house rules that a reader relies on, checked."""

import ast
import tomllib
from pathlib import Path

import pytest

import neuroonco
from neuroonco.prompts import load_prompts
from neuroonco.rules import RULE_SETS, load_rules

PACKAGE = Path(neuroonco.__file__).parent
ROOMS = (
    *("catalog", "inspection", "curate", "semantics", "readings", "fusion", "audit", "build", "check", "review"),
    *("predict", "score", "phantoms", "publish", "train", "browse"),
)
SHARED_OF_A_ROOM = {"records", "room_records", "interop", "regions", "paper"}
"""What another room may import of a room: its records, its formats, and pure tables; never its verbs."""
MODULES = sorted(p for room in ROOMS for p in (PACKAGE / room).rglob("*.py"))


def imports_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_rooms_import_records_and_never_verbs(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0]
    for module in imports_of(path):
        parts = module.split(".")
        if parts[0] == "neuroonco" and len(parts) > 2 and parts[1] in ROOMS and parts[1] != room:
            assert {parts[2], parts[-1]} & SHARED_OF_A_ROOM, f"{path.name} imports {module}"


def test_modules_stay_readable() -> None:
    long = {p.name: n for p in PACKAGE.rglob("*.py") if (n := len(p.read_text("utf-8").splitlines())) > 350}
    assert not long


def test_names_say_what_is_inside() -> None:
    vague = ("util", "helper", "manager", "common", "misc", "step", "final")
    assert not [p.name for p in PACKAGE.rglob("*.py") if any(word in p.stem for word in vague)]


@pytest.mark.parametrize("name", RULE_SETS)
def test_every_rule_has_meaning_and_source(name: str) -> None:
    rules = load_rules(name)
    assert rules.sections
    for section, entries in rules.sections.items():
        for key, rule in entries.items():
            assert len(rule.description) > 10, f"{section}.{key}"
            assert len(rule.source) > 5, f"{section}.{key}"


def test_both_rule_sets_have_the_same_sections() -> None:
    default, paper = (set(load_rules(n).sections) for n in ("default", "paper"))
    assert default == paper


def test_prompts_are_versioned_and_described() -> None:
    prompts = load_prompts()
    assert {"read_conservative", "read_skeptical", "audit", "predict_closed"} <= prompts.keys()
    for prompt in prompts.values():
        assert prompt.version
        assert len(prompt.description) > 10
        assert len(prompt.sha256) == 64


def test_installation_is_pinned() -> None:
    project = tomllib.loads((PACKAGE.parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
    pinned = (PACKAGE.parents[1] / "constraints.txt").read_text("utf-8").casefold()
    for requirement in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        assert f"{requirement.split('>=')[0].casefold()}==" in pinned
    assert not any("torch" in d for d in project["dependencies"])
