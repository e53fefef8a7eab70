"""The command `curate`: a catalogue to the slices that can be trusted."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from neuroonco import store
from neuroonco.catalog.interop import SLICE_CODEC
from neuroonco.catalog.records import SliceRecord
from neuroonco.cli.options import DEFAULT_PROCESSES, AsJson, OutFolder, Processes, Root, Rules, Sources
from neuroonco.cli.output import MAX_LINES, existing_root, progress_bars, result_json, say
from neuroonco.outcomes import Quarantined
from neuroonco.rules import load_rules
from neuroonco.sources import load_sources
from neuroonco.walk.curate_file import curate_file

Conflicts = Annotated[
    Literal["drop", "majority", "keep"] | None,
    typer.Option("--conflicts", help="Copies with contradicting labels; default: as the rule set says."),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("curate")(curate_command)


def curate_command(
    catalog: Annotated[Path, typer.Argument(help="File made by `catalog`.")],
    root: Root,
    out: OutFolder,
    rules: Rules = "default",
    conflicts: Conflicts = None,
    sources: Sources = None,
    processes: Processes = None,
    as_json: AsJson = False,
) -> None:
    """Judge pictures, drop copies (identical, near, augmented), report contradicting labels and leaking splits.

    Writes into the folder: records, dropped and quarantined slices, duplicate_groups, matches and quality (all
    .parquet), and the pages report/index.html.

    Example: neuroonco curate catalog.parquet --root downloads/ --out curated/
    """
    existing_root(root)
    chosen = load_rules(rules)
    if conflicts is not None:
        chosen = chosen.with_value("curate", "label_conflict_policy", conflicts)
    known = load_sources(sources)
    loaded = store.load(catalog, SliceRecord, SLICE_CODEC)
    if strange := sorted({record.source_id for record in loaded.records} - set(known)):
        say(f"not described, so their copies have the lowest priority: {', '.join(strange)}; pass --sources DIR")
    with progress_bars() as progress:
        counts = curate_file(
            loaded,
            root=root,
            out=out,
            rules=chosen,
            sources=known,
            processes=processes or DEFAULT_PROCESSES,
            progress=progress,
        )
    if counts["quarantined"]:
        _list_quarantined(out)
    if as_json:
        result_json({"out": out.name} | counts)
    else:
        say(", ".join(f"{value} {key}" for key, value in counts.items() if isinstance(value, int)))
        say(f"pages: {out / 'report' / 'index.html'}")
    if counts["quarantined"] and not counts["kept"]:
        say("nothing usable came out; is the root right?")
    if loaded.unreadable or (counts["quarantined"] and not counts["kept"]):
        raise typer.Exit(1)


def _list_quarantined(out: Path) -> None:
    rows = store.load_strict(out / "quarantined.parquet", Quarantined)
    for row in rows[:MAX_LINES]:
        say(f"quarantined[{row.code}]: {row.message}; where: {row.image_path or row.slice_id}")
    if len(rows) > MAX_LINES:
        say(f"... and {len(rows) - MAX_LINES} more in quarantined.parquet")
