"""Figures of the curation report's tables, from what was counted."""

from collections.abc import Iterable, Mapping

from neuroonco.report.curation_records import (
    ConflictPage,
    KindCount,
    LeakPage,
    Matrix,
    NoteCount,
    NoteList,
    SourceFlow,
)
from neuroonco.report.page import NO_FIGURE, count, percent
from neuroonco.report.pictures import Album
from neuroonco.report.records import Fact
from neuroonco.sources import SourceSpec
from neuroonco.vocabulary import TumorType, display
from neuroonco.walk import curation_views as views
from neuroonco.walk.curation_groups import HELD_OUT, TRAINING, GroupTally
from neuroonco.walk.curation_slices import SliceTally

NOTES_SHOWN = 200
SPLITS = (TRAINING, *HELD_OUT, None)


def flows(slices: SliceTally, known: Mapping[str, SourceSpec], *, listed: bool) -> tuple[SourceFlow, ...]:
    """What became of each source's slices; a source that is not known has no name.

    ``listed``: what the catalogue left out or set aside was read.
    """
    fields = ("copies", "quality", "conflicts", "other", "quarantined", "kept", "with_mask")
    return tuple(
        SourceFlow(
            source_id=source,
            name=known[source].name if source in known else None,
            listed_out=slices.counts[source, "listed_out"] if listed else None,
            masks_set_aside=slices.counts[source, "masks_set_aside"] if listed else None,
            patients=len(slices.patients[source]) if source in slices.patients else None,
            **{name: slices.counts[source, name] for name in fields},
        )
        for source in sorted({source for source, _ in slices.counts})
    )


def kinds(groups: GroupTally) -> tuple[KindCount, ...]:
    """Groups by kind, the least alike kind first."""
    return tuple(
        KindCount(
            kind=kind,
            groups=groups.groups[kind],
            pictures=groups.pictures[kind],
            conflicting=groups.conflicting[kind],
            leaking=groups.leaking[kind],
            weakest=groups.weakest.get(kind),
        )
        for kind in groups.by_kind
        if groups.groups[kind]
    )


def notes(slices: SliceTally) -> dict[str, NoteList]:
    """The catalogue's notes by sort: unknown names, labels that contradict the folder, and the rest."""
    lists: dict[str, list[NoteCount]] = {"unknown": [], "contradicted": [], "other_notes": []}
    for key, n in sorted(slices.notes.items(), key=lambda item: (-item[1], item[0])):
        name, said, source = key
        target, about = "other_notes", name
        if name.endswith("_unmapped"):
            target, about = "unknown", name.removesuffix("_unmapped")
        elif name == "box_label":
            box, _, folder = said.partition("\0")
            target, about, said = "contradicted", f"folder: {folder}", f"box: {_type_name(box)}"
        example = slices.note_examples[key]
        lists[target].append(NoteCount(field=about, spelling=said, source_id=source, slices=n, example=example))
    return {name: NoteList(shown=tuple(rows[:NOTES_SHOWN]), total=len(rows)) for name, rows in lists.items()}


def _type_name(token: str) -> str:
    return display(TumorType(token)) if token in {t.value for t in TumorType} else token


def matrix(corner: str, counts: Mapping[tuple[str, str], int], columns: Iterable[str]) -> Matrix | None:
    """Counts by row and column, columns in the given order; None without any."""
    used = {column for (_, column), n in counts.items() if n}
    rows, shown = sorted({row for row, _ in counts}), [c for c in columns if c in used]
    if not shown:
        return None
    cells = tuple(tuple(count(n) if (n := counts.get((r, c), 0)) else NO_FIGURE for c in shown) for r in rows)
    return Matrix(corner=corner, rows=tuple(rows), columns=tuple(shown), cells=cells)


def conflicts(groups: GroupTally, slices: SliceTally, policy: str | None, album: Album) -> ConflictPage:
    """The page of contradicting labels."""
    pairs = sorted(groups.opposed.items(), key=lambda item: (-item[1], item[0]))
    return ConflictPage(
        policy=policy,
        total=groups.conflicts.total,
        pairs=tuple(Fact(name=" against ".join(map(display, types)), value=count(n)) for types, n in pairs),
        decided=groups.decided,
        dropped=sum(n for (_, became), n in slices.counts.items() if became == "conflicts"),
        flagged=slices.flagged_conflicts,
        section=views.conflict_section(groups, slices, album),
    )


def leaks(groups: GroupTally, slices: SliceTally, album: Album) -> LeakPage:
    """The page of leaks."""
    sources = sorted({source for source, _ in groups.leak_splits})
    used = [split for split in SPLITS if any(groups.leak_splits[source, split] for source in sources)]
    by_split = Matrix(
        corner="Source",
        rows=tuple(sources),
        columns=tuple(split or "not stated" for split in used),
        cells=tuple(tuple(_leak_share(groups, slices, source, split) for split in used) for source in sources),
    )
    return LeakPage(
        total=sum(groups.leaking.values()),
        within=groups.within,
        across=groups.across,
        by_split=by_split if sources else None,
        pairs=matrix("Training part of", groups.leak_pairs, sorted({held for _, held in groups.leak_pairs})),
        split_patients=slices.split_patients,
        sections=views.leak_sections(groups, slices, album),
    )


def _leak_share(groups: GroupTally, slices: SliceTally, source: str, split: str | None) -> str:
    n, of = groups.leak_splits[source, split], slices.splits[source, split]
    if not n:
        return NO_FIGURE
    return f"{count(n)} of {count(of)} ({percent(n / of)})" if of else count(n)
