"""Print the data files that steer the project: terms, rules, prompts, sources."""

from typing import Annotated

import typer

from neuroonco.cli.options import AsJson
from neuroonco.cli.output import result, result_json, table
from neuroonco.prompts import load_prompts
from neuroonco.rules import RULE_SETS, load_rules
from neuroonco.sources import load_sources
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
    if as_json:
        result_json([t.model_dump() for t in terms])
        return
    rows = ((f"{t.group}.{t.token}", t.display, t.description, t.source) for t in terms)
    table("Terms", ("term", "shown as", "meaning", "source"), rows, to_stdout=True)


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
        rows = (
            (f"{section}.{key}", rule.value, rule.unit or "", rule.description, rule.source)
            for section, rules in rule_set.sections.items()
            for key, rule in rules.items()
        )
        title = f"{rule_set.name} (version {rule_set.version}): {rule_set.description}"
        table(title, ("rule", "value", "unit", "meaning", "source"), rows, to_stdout=True)


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
        from neuroonco.prompts import prompt

        one = prompt(name)
        result_json(one.model_dump()) if as_json else result(one.text)
        return
    if as_json:
        result_json([p.model_dump() for p in prompts.values()])
        return
    rows = ((p.name, p.version, p.sha256[:12], p.description) for p in prompts.values())
    table("Prompts", ("prompt", "version", "sha256", "for"), rows, to_stdout=True)


@shown.command("sources")
def sources_command(
    source_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Only this collection.")] = None,
    as_json: AsJson = False,
) -> None:
    """Every declared collection with its licence and what of it may be passed on.

    Example: neuroonco show sources 05
    """
    from neuroonco.sources import source

    specs = list(load_sources().values()) if source_id is None else [source(source_id)]
    if as_json:
        result_json([s.model_dump(mode="json") for s in specs])
        return
    rows = (
        (s.id, s.name, s.license, s.redistribution, "seen" if s.verified else "unverified", s.homepage) for s in specs
    )
    columns = ("id", "collection", "licence", "may be passed on", "layout", "homepage")
    table("Sources", columns, rows, to_stdout=True)
    if source_id is not None:
        result(specs[0].layout_note)
