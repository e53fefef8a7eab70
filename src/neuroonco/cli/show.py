"""Print the data files that steer the project: terms, rules, prompts, sources."""

from typing import Annotated

import typer

from neuroonco.cli.options import AsJson
from neuroonco.cli.output import result, result_json
from neuroonco.errors import UsageError
from neuroonco.prompts import load_prompts, prompt
from neuroonco.rules import RULE_SETS, load_rules
from neuroonco.sources import load_sources, source
from neuroonco.vocabulary import load_terms

shown = typer.Typer(help="Print terms, rules, prompts or sources.", no_args_is_help=True, rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(shown, name="show")


@shown.command("terms")
def terms_command(
    group: Annotated[str | None, typer.Argument(help="Only this group, e.g. shape.")] = None,
    as_json: AsJson = False,
) -> None:
    """Every term with its meaning and source.

    Example: neuroonco show terms enhancement
    """
    terms = [t for t in load_terms().values() if group in (None, t.group)]
    if not terms:
        groups = ", ".join(dict.fromkeys(t.group for t in load_terms().values()))
        raise UsageError("GROUP_UNKNOWN", f"no group of terms {group!r}", fix=f"use one of {groups}")
    if as_json:
        result_json([t.model_dump() for t in terms])
        return
    for t in terms:
        entry(f"{t.group}.{t.token}: {t.display}", t.description, f"source: {t.source}")


@shown.command("rules")
def rules_command(
    name: Annotated[str | None, typer.Argument(help="Only this rule set.")] = None,
    as_json: AsJson = False,
) -> None:
    """Every threshold with its unit, meaning and source.

    Example: neuroonco show rules paper
    """
    sets = [load_rules(n) for n in ([name] if name else RULE_SETS)]
    if as_json:
        result_json([s.model_dump() for s in sets])
        return
    for rule_set in sets:
        result(f"{rule_set.name}, version {rule_set.version}: {rule_set.description}\n")
        for section, rules in rule_set.sections.items():
            for key, rule in rules.items():
                unit = f" {rule.unit}" if rule.unit else ""
                entry(f"{section}.{key} = {rule.value}{unit}", rule.description, f"source: {rule.source}")


@shown.command("prompts")
def prompts_command(
    name: Annotated[str | None, typer.Argument(help="Print this prompt's text.")] = None,
    as_json: AsJson = False,
) -> None:
    """Every prompt with its version and hash; with a name, its text.

    Example: neuroonco show prompts read_conservative
    """
    prompts = load_prompts()
    if name is not None:
        one = prompt(name)
        result_json(one.model_dump()) if as_json else result(one.text)
        return
    if as_json:
        result_json([p.model_dump() for p in prompts.values()])
        return
    for p in prompts.values():
        entry(f"{p.name}, version {p.version}", p.description, f"sha256: {p.sha256}")


@shown.command("sources")
def sources_command(
    source_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Only this collection.")] = None,
    as_json: AsJson = False,
) -> None:
    """Every declared collection with its licence and what of it may be passed on.

    Example: neuroonco show sources 05
    """
    specs = list(load_sources().values()) if source_id is None else [source(source_id)]
    if as_json:
        result_json([s.model_dump(mode="json") for s in specs])
        return
    for s in specs:
        seen = "layout seen on real files" if s.verified else "layout unverified"
        scan = seen if s.layout else "no layout yet, cannot be scanned"
        entry(
            f"{s.id}: {s.name}",
            s.homepage,
            f"licence: {s.license}; may be passed on: {s.redistribution}; {scan}",
            *([f"sequence: {s.sequence_note}"] if s.sequence_note is not None else []),
            *([s.license_note, s.layout_note] if source_id is not None else []),
            *([f"reads: {rule.pattern}" for rule in s.layout] if source_id is not None else []),
        )


def entry(title: str, *lines: str) -> None:
    """One described thing: a title and indented lines, readable at any width."""
    result("\n".join([title, *(f"    {line}" for line in lines), ""]))
