"""A package of a run's labels, with what the sources' terms permit to leave, and nothing else."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from neuroonco import store
from neuroonco.audit.records import AuditedLabel
from neuroonco.curate.records import DuplicateGroup
from neuroonco.outcomes import Dropped, count_by
from neuroonco.publish.files import LabelledFiles
from neuroonco.publish.folder import free_folder, package_folder, partial_of, write_picture
from neuroonco.publish.key import LICENSES, Key, require_free, require_outside, write_private
from neuroonco.publish.records import Pointer, PublishedName, PublishedSlice, lines_of
from neuroonco.publish.terms import licenses, permitted, sources_of_groups
from neuroonco.sources import SourceSpec
from neuroonco.vocabulary import DropReason, Redistribution


def write_package(
    labels: Sequence[AuditedLabel],
    groups: Sequence[DuplicateGroup],
    *,
    root: Path,
    sources: Mapping[str, SourceSpec],
    out: Path,
    key: Key,
    mapping: Path,
    held_back: Collection[str] = (),
) -> dict[str, int]:
    """Write a package into an empty or new folder.

    ``images`` sources ship pixels (re-encoded, so that no metadata comes along) and labels, ``derived`` ones
    labels, ``pointers`` ones name and hash of the file, others nothing.

    Args:
        labels, groups: of a run.
        root: folder of the collections.
        sources: their descriptions by id.
        out: the folder.
        key: of the names.
        mapping: file to write, for nobody else, with what each name stands for; outside of every package.
        held_back: slices that a benchmark asks about, with all of their groups: its pictures have the same bytes, so
            that whoever has both packages could join them, and its answers could be trained on.

    Returns:
        How many slices left in which form, and how many stayed.

    Raises:
        UsageError: the mapping would lie in a package.
        InputError: the folder holds something, an image cannot be read or is not the one that was labelled, or another
            mapping is in the way.
    """
    out = free_folder(out)
    require_outside(mapping, (out, partial_of(out)), "mapping")
    named = sorted(((opaque_name(label, key), label) for label in labels), key=lambda one: one[0])
    group_sources = sources_of_groups(groups)
    leaving: list[tuple[str, AuditedLabel, Redistribution]] = []
    withheld: list[Dropped] = []
    for name, label in named:  # the order of slice ids is known to everybody
        terms = permitted(label, sources, group_sources)
        if terms is Redistribution.NONE:
            reason = DropReason.REDISTRIBUTION_FORBIDDEN
            source_id = label.slice.source_id
            detail = f"source {source_id} or one with the same bytes"
            withheld.append(Dropped(slice_id=label.slice_id, source_id=source_id, reason=reason, detail=detail))
        elif label.slice_id not in held_back:
            leaving.append((name, label, terms))
    held = len(labels) - len(withheld) - len(leaving)
    names = lines_of([PublishedName.of(name, label) for name, label, _ in leaving])
    require_free(mapping, names)
    with package_folder(out) as folder:
        files = LabelledFiles(root)
        for _, label, _ in sorted(leaving, key=lambda one: (one[1].slice.image_path, one[0])):
            files.require_same(label.slice)
        counts = _write_all(leaving, root=root, sources=sources, out=folder)
        _write_withheld(folder, withheld, held)
        write_private(mapping, names)
    return counts | {"withheld": len(withheld), "held_for_benchmark": held}


def _write_all(
    leaving: Sequence[tuple[str, AuditedLabel, Redistribution]],
    *,
    root: Path,
    sources: Mapping[str, SourceSpec],
    out: Path,
) -> dict[str, int]:
    rows: list[PublishedSlice] = []
    pointers: list[Pointer] = []
    for name, label, terms in leaving:
        record = label.slice
        if terms is Redistribution.POINTERS:
            pointers.append(
                Pointer(
                    name=name,
                    source_id=record.source_id,
                    path=record.image_path,
                    image_channel=record.image_channel,
                    image_slice=record.image_slice,
                    sha256=record.image_sha256,
                )
            )
            continue
        shipped = None
        if terms is Redistribution.IMAGES:
            shipped = f"images/{name}.png"
            write_picture(out / shipped, root, record)
        rows.append(_row(label, name, shipped, terms, sources[record.source_id].license))
    store.save(out / "slices.parquet", rows, PublishedSlice)
    store.save(out / "pointers.parquet", pointers, Pointer)
    used = {label.slice.source_id for _, label, _ in leaving}
    store.write_text(out / LICENSES, licenses([sources[i] for i in sorted(used)]))
    return {
        "with_image": sum(r.image is not None for r in rows),
        "labels_only": sum(r.image is None for r in rows),
        "pointers": len(pointers),
    }


def _write_withheld(out: Path, withheld: Sequence[Dropped], held: int) -> None:
    """How many slices stayed, by source: that they exist may be said, which ones they are may not."""
    by_source = count_by(one.source_id for one in withheld)
    lines = [f"- {source_id}: {n} slices" for source_id, n in sorted(by_source.items())]
    text = "# Withheld\n\nThe terms of these sources, or of one with the same bytes, permit nothing to leave.\n\n"
    text += "\n".join(lines or ["Nothing was withheld."]) + "\n"
    if held:
        text += (
            f"\n{held} more slices are not here because a benchmark asks about them, or about their patient or copy.\n"
        )
    store.write_text(out / "WITHHELD.md", text)


def opaque_name(label: AuditedLabel, key: Key) -> str:
    """A name that says nothing of source, path or label, and that nobody can make without the key."""
    return key.name("package slice", label.slice_id)


def _row(label: AuditedLabel, name: str, image: str | None, terms: Redistribution, license_: str) -> PublishedSlice:
    record, semantics = label.slice, label.slice.semantics
    return PublishedSlice(
        name=name,
        source_id=record.source_id,
        license=license_,
        permitted=terms,
        image=image,
        tumor_type=record.tumor_type,
        sequence=record.sequence,
        size=semantics.size if semantics else None,
        shape=semantics.shape if semantics else None,
        spread=semantics.spread if semantics else None,
        location=semantics.location if semantics else None,
        signs=label.signs,
    )
