"""Stage ``publish``: a package with what the sources' terms permit to leave, and nothing else."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image

from neuroonco import images, store
from neuroonco.audit.records import AuditedLabel
from neuroonco.curate.records import DuplicateGroup
from neuroonco.errors import InputError
from neuroonco.outcomes import Dropped, count_by
from neuroonco.publish.records import Pointer, PublishedSlice
from neuroonco.sources import SourceSpec
from neuroonco.vocabulary import DropReason, Redistribution

STRICTEST_FIRST = (Redistribution.NONE, Redistribution.POINTERS, Redistribution.DERIVED, Redistribution.IMAGES)


def permitted(
    label: AuditedLabel, sources: Mapping[str, SourceSpec], group_sources: Mapping[str, Iterable[str]]
) -> Redistribution:
    """What of a slice may leave: the strictest of all sources that have the same bytes; unknown means nothing."""
    record = label.slice
    members = {record.source_id, *group_sources.get(record.duplicate_group or "", ())}
    terms = [sources[i].redistribution if i in sources else Redistribution.NONE for i in members]
    return min(terms, key=STRICTEST_FIRST.index)


def write_package(
    labels: Sequence[AuditedLabel],
    groups: Sequence[DuplicateGroup],
    *,
    root: Path,
    sources: Mapping[str, SourceSpec],
    out: Path,
) -> dict[str, int]:
    """Write a package into an empty or new folder.

    ``images`` sources ship pixels (re-encoded, so that no metadata comes along) and labels, ``derived`` ones
    labels, ``pointers`` ones name and hash of the file, others nothing.

    Returns:
        How many slices left in which form, and how many stayed.

    Raises:
        InputError: the folder holds something, or an image cannot be read.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("OUT_NOT_EMPTY", "not an empty folder", where=str(out), fix="pass a new folder")
    partial = out.with_name(f"{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    counts = _write_all(labels, groups, root=root, sources=sources, out=partial)
    if out.exists():
        out.rmdir()
    partial.replace(out)
    return counts


def _write_all(
    labels: Sequence[AuditedLabel],
    groups: Sequence[DuplicateGroup],
    *,
    root: Path,
    sources: Mapping[str, SourceSpec],
    out: Path,
) -> dict[str, int]:
    group_sources = {g.group_id: [m.source_id for m in g.members] for g in groups}
    rows: list[PublishedSlice] = []
    pointers: list[Pointer] = []
    withheld: list[Dropped] = []
    used: set[str] = set()
    for label in sorted(labels, key=lambda x: x.slice_id):
        terms = permitted(label, sources, group_sources)
        record = label.slice
        name = opaque_name(label)
        if terms is Redistribution.NONE:
            reason = DropReason.REDISTRIBUTION_FORBIDDEN
            detail = f"source {record.source_id} or one with the same bytes"
            withheld.append(Dropped(slice_id=label.slice_id, source_id=record.source_id, reason=reason, detail=detail))
            continue
        used.add(record.source_id)
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
            _write_pixels(out / shipped, images.read_picture(root, record))
        rows.append(_row(label, name, shipped, terms, sources[record.source_id].license))
    store.save(out / "slices.parquet", rows, PublishedSlice)
    store.save(out / "pointers.parquet", pointers, Pointer)
    _write_withheld(out, withheld)
    store.write_text(out / "LICENSES.md", licenses([sources[i] for i in sorted(used)]))
    _write_sums(out)
    return {
        "with_image": sum(r.image is not None for r in rows),
        "labels_only": sum(r.image is None for r in rows),
        "pointers": len(pointers),
        "withheld": len(withheld),
    }


def _write_withheld(out: Path, withheld: Sequence[Dropped]) -> None:
    """How many slices stayed, by source: that they exist may be said, which ones they are may not."""
    by_source = count_by(one.source_id for one in withheld)
    lines = [f"- {source_id}: {n} slices" for source_id, n in sorted(by_source.items())]
    text = "# Withheld\n\nThe terms of these sources, or of one with the same bytes, permit nothing to leave.\n\n"
    store.write_text(out / "WITHHELD.md", text + "\n".join(lines or ["Nothing was withheld."]) + "\n")


def opaque_name(label: AuditedLabel) -> str:
    """A name that says nothing of source, path or label."""
    picture = (label.slice.image_sha256, str(label.slice.image_channel), str(label.slice.image_slice))
    return "n" + store.sha256_text("published", *picture)[:20]


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


def licenses(sources: Sequence[SourceSpec]) -> str:
    """The list of terms: one entry a source, never one blanket licence."""
    lines = ["# Licences and attribution", ""]
    for spec in sources:
        lines += [
            f"## {spec.id} {spec.name}",
            "",
            f"- licence: {spec.license}",
            f"- may be passed on: {spec.redistribution}",
            f"- homepage: {spec.homepage}",
            f"- attribution: {spec.attribution}",
            f"- citation: {spec.citation}",
            "",
        ]
    return "\n".join(lines)


def _write_pixels(path: Path, pixels: images.Gray) -> None:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=False, compress_level=6)
    with store.atomic(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


def _write_sums(out: Path) -> None:
    files = sorted(p for p in out.rglob("*") if p.is_file() and p.name != "SHA256SUMS")
    lines = [f"{store.sha256_file(p)}  {p.relative_to(out).as_posix()}" for p in files]
    store.write_text(out / "SHA256SUMS", "\n".join(lines) + "\n")
