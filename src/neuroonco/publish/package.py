"""A package of a run's labels, with what the sources' terms permit to leave, and nothing else."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from neuroonco import store
from neuroonco.audit.records import AuditedLabel
from neuroonco.curate.records import DuplicateGroup
from neuroonco.outcomes import Dropped, count_by
from neuroonco.publish.folder import package_folder, partial_of, write_picture
from neuroonco.publish.key import Key, require_outside, write_private
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
        mapping: file to write, for nobody else, with what each name stands for; outside the package.

    Returns:
        How many slices left in which form, and how many stayed.

    Raises:
        UsageError: the mapping would lie in the package.
        InputError: the folder holds something, an image cannot be read, or another mapping is in the way.
    """
    require_outside(mapping, (out, partial_of(out)), "mapping")
    with package_folder(out) as folder:
        counts, names = _write_all(labels, groups, root=root, sources=sources, out=folder, key=key)
        write_private(mapping, lines_of(names))
    return counts


def _write_all(
    labels: Sequence[AuditedLabel],
    groups: Sequence[DuplicateGroup],
    *,
    root: Path,
    sources: Mapping[str, SourceSpec],
    out: Path,
    key: Key,
) -> tuple[dict[str, int], list[PublishedName]]:
    group_sources = sources_of_groups(groups)
    rows: list[PublishedSlice] = []
    pointers: list[Pointer] = []
    withheld: list[Dropped] = []
    names: list[PublishedName] = []
    used: set[str] = set()
    for label in sorted(labels, key=lambda x: opaque_name(x, key)):  # the order of slice ids is known to everybody
        terms = permitted(label, sources, group_sources)
        record = label.slice
        name = opaque_name(label, key)
        if terms is Redistribution.NONE:
            reason = DropReason.REDISTRIBUTION_FORBIDDEN
            detail = f"source {record.source_id} or one with the same bytes"
            withheld.append(Dropped(slice_id=label.slice_id, source_id=record.source_id, reason=reason, detail=detail))
            continue
        used.add(record.source_id)
        names.append(PublishedName.of(name, label))
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
    _write_withheld(out, withheld)
    store.write_text(out / "LICENSES.md", licenses([sources[i] for i in sorted(used)]))
    counts = {
        "with_image": sum(r.image is not None for r in rows),
        "labels_only": sum(r.image is None for r in rows),
        "pointers": len(pointers),
        "withheld": len(withheld),
    }
    return counts, names


def _write_withheld(out: Path, withheld: Sequence[Dropped]) -> None:
    """How many slices stayed, by source: that they exist may be said, which ones they are may not."""
    by_source = count_by(one.source_id for one in withheld)
    lines = [f"- {source_id}: {n} slices" for source_id, n in sorted(by_source.items())]
    text = "# Withheld\n\nThe terms of these sources, or of one with the same bytes, permit nothing to leave.\n\n"
    store.write_text(out / "WITHHELD.md", text + "\n".join(lines or ["Nothing was withheld."]) + "\n")


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
