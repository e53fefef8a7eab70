"""A benchmark as it leaves: opaque names, pixels alone, and no way from a name to a file, a patient or a class.

What stays behind and why, and what a reader of the package may rely on, is in ``docs/publish-benchmark.md``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from neuroonco import images, store
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.interop import closed_document, open_document
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.curate.records import DuplicateGroup
from neuroonco.errors import InputError
from neuroonco.publish.folder import package_folder, partial_of, write_picture
from neuroonco.publish.key import Key, require_outside, write_private
from neuroonco.publish.readme import readme
from neuroonco.publish.records import HashPointer, PublishedName, lines_of
from neuroonco.publish.terms import licenses, permitted, sources_of_groups
from neuroonco.sources import SourceSpec
from neuroonco.vocabulary import Redistribution

WITHOUT_IMAGES = "without_images"
"""Folder of the package with the questions whose image may not leave, and with the hashes of their files."""


@dataclass
class _Part:
    """Questions that leave in the same way, under their published names."""

    closed: list[ClosedItem] = field(default_factory=list)
    open: list[OpenItem] = field(default_factory=list)


def publish_benchmark(
    closed: Sequence[ClosedItem],
    opened: Sequence[OpenItem],
    labels: Sequence[AuditedLabel],
    groups: Sequence[DuplicateGroup],
    *,
    root: Path,
    sources: Mapping[str, SourceSpec],
    out: Path,
    key: Key,
    mapping: Path,
) -> dict[str, int]:
    """Write a benchmark under opaque names into an empty or new folder.

    Questions leave with their image where all sources of the picture permit images; without it, and with the hash of
    its file, where they permit what is derived; and not at all where they permit less, since a question holds its
    answer. The same arguments give the same bytes.

    Args:
        closed, opened: the benchmark's questions.
        labels: of the slices asked about at least; a slice without one does not leave.
        groups: copies found by curation; each group that a label names has to be there for its slice to leave.
        root: folder of the collections.
        sources: their descriptions by id.
        out: the folder.
        key: of the names.
        mapping: file to write, for nobody else, with what each name stands for; outside the package.

    Returns:
        Numbers: ``images``, ``closed``, ``open`` for what leaves whole; ``closed_without_image``,
        ``open_without_image``; ``closed_withheld``, ``open_withheld`` for what stays; ``twins_alone`` for twins that
        stay because the question they repeat is not there.

    Raises:
        UsageError: the mapping would lie in the package.
        InputError: the folder holds something, another mapping is in the way, a question and the label of its slice
            name different pictures, or an image cannot be read or is not the one that was labelled.
    """
    require_outside(mapping, (out, partial_of(out)), "mapping")
    about = {label.slice_id: label for label in labels}
    group_sources = sources_of_groups(groups)
    asked: dict[str, ClosedItem | OpenItem] = {item.slice_id: item for item in closed}
    asked.update({item.slice_id: item for item in opened})
    terms = {}
    for slice_id, item in asked.items():
        label = about.get(slice_id)
        if label is not None:
            _require_same_picture(item, label)
        terms[slice_id] = Redistribution.NONE if label is None else permitted(label, sources, group_sources)
    whole, bare = (
        _renamed(closed, opened, {i for i, t in terms.items() if t is wanted}, key)
        for wanted in (Redistribution.IMAGES, Redistribution.DERIVED)
    )
    leaving = {i: _image_name(i, key) for i, t in terms.items() if t in (Redistribution.IMAGES, Redistribution.DERIVED)}
    with package_folder(out) as folder:
        for slice_id, name in sorted(leaving.items(), key=lambda one: one[1]):
            if terms[slice_id] is Redistribution.IMAGES:
                _require_same_bytes(root, about[slice_id])
                write_picture(folder / _path_of(name), root, about[slice_id].slice)
        _write_part(folder, whole)
        if bare.closed or bare.open:
            _write_part(folder / WITHOUT_IMAGES, bare)
            missing = [(name, about[i]) for i, name in leaving.items() if terms[i] is Redistribution.DERIVED]
            _write_pointers(folder / WITHOUT_IMAGES, missing)
        used = {about[i].slice.source_id for i in leaving}
        store.write_text(folder / "LICENSES.md", licenses([sources[i] for i in sorted(used)]))
        counts = _counts(closed, opened, terms, whole, bare)
        store.write_text(folder / "README.md", readme(counts, whole.closed + bare.closed))
        write_private(mapping, lines_of(_names(leaving, about, asked, key)))
    return counts


def _require_same_picture(item: ClosedItem | OpenItem, label: AuditedLabel) -> None:
    """The terms are looked up by the label, so that it has to be about the picture that the question is about."""
    record = label.slice
    asked = (item.image_path, item.image_channel, item.image_slice)
    if asked != (record.image_path, record.image_channel, record.image_slice):
        what = "question and label name different pictures"
        raise InputError("LABEL_MISMATCH", what, where=item.slice_id, fix="pass the labels that it was built from")


def _require_same_bytes(root: Path, label: AuditedLabel) -> None:
    path = label.slice.image_path
    if store.sha256_bytes(images.read_bytes(images.resolve(root, path), path)) != label.slice.image_sha256:
        what = "not the file that was labelled: its bytes have changed"
        raise InputError("FILE_CHANGED", what, where=path, fix="pass the root that it was built from, or build again")


def _image_name(slice_id: str, key: Key) -> str:
    return key.name("benchmark image", slice_id)


def _path_of(name: str) -> str:
    return f"images/{name}.png"


def _group_name(group_id: str | None, key: Key) -> str | None:
    return None if group_id is None else key.name("benchmark group", group_id)


def _renamed(closed: Sequence[ClosedItem], opened: Sequence[OpenItem], slices: set[str], key: Key) -> _Part:
    """The questions about some slices as published, ordered by name, and numbered anew within each image."""
    part = _Part()
    by_slice: dict[str, list[ClosedItem]] = {}
    for item in closed:
        if item.slice_id in slices:
            by_slice.setdefault(item.slice_id, []).append(item)
    for slice_id, items in by_slice.items():
        items.sort(key=lambda one: one.q_index)
        there = {one.q_index for one in items if one.twin_of is None}
        kept = [one for one in items if one.twin_of is None or one.twin_of in there]
        place = {one.q_index: number for number, one in enumerate(kept)}
        common = _published_fields(slice_id, key)
        for one in kept:
            own = {
                "q_index": place[one.q_index],
                "twin_of": None if one.twin_of is None else place[one.twin_of],
                "group_id": _group_name(one.group_id, key),
            }
            part.closed.append(one.model_copy(update=common | own))
    count: dict[str, int] = {}
    for question in opened:
        if question.slice_id in slices:
            count[question.slice_id] = count.get(question.slice_id, 0) + 1
            name = _image_name(question.slice_id, key)
            numbered = {
                "question_id": f"{name}_q{count[question.slice_id]}",
                "group_id": _group_name(question.group_id, key),
            }
            part.open.append(question.model_copy(update=_published_fields(question.slice_id, key) | numbered))
    part.closed.sort(key=lambda one: (one.image_id, one.q_index))
    part.open.sort(key=lambda one: one.image_id)  # stable: an image's own questions keep their order
    return part


def _published_fields(slice_id: str, key: Key) -> dict[str, object]:
    """What every question about a slice is given, and what is taken from it.

    The source goes because many collections hold one class. The seed goes because with it and the slice, which
    those who have the collection can find by its pixels, this package would tell letter and rejection.
    """
    name = _image_name(slice_id, key)
    return {
        "image_id": name,
        "slice_id": name,
        "image_path": _path_of(name),
        "image_channel": None,
        "image_slice": None,
        "source_id": None,
        "seed": None,
    }


def _write_part(folder: Path, part: _Part) -> None:
    store.write_json(folder / "benchmark_closed.json", closed_document(part.closed))
    store.write_json(folder / "benchmark_open.json", open_document(part.open))
    store.save(folder / "closed.parquet", part.closed, ClosedItem)
    store.save(folder / "open.parquet", part.open, OpenItem)


def _write_pointers(folder: Path, missing: Sequence[tuple[str, AuditedLabel]]) -> None:
    pointers = [
        HashPointer(
            image_path=_path_of(name),
            sha256=label.slice.image_sha256,
            image_channel=label.slice.image_channel,
            image_slice=label.slice.image_slice,
        )
        for name, label in sorted(missing, key=lambda one: one[0])
    ]
    store.save(folder / "pointers.jsonl", pointers, HashPointer)


def _counts(
    closed: Sequence[ClosedItem],
    opened: Sequence[OpenItem],
    terms: Mapping[str, Redistribution],
    whole: _Part,
    bare: _Part,
) -> dict[str, int]:
    leaves = (Redistribution.IMAGES, Redistribution.DERIVED)
    closed_withheld = sum(terms[item.slice_id] not in leaves for item in closed)
    return {
        "images": sum(t is Redistribution.IMAGES for t in terms.values()),
        "closed": len(whole.closed),
        "open": len(whole.open),
        "closed_without_image": len(bare.closed),
        "open_without_image": len(bare.open),
        "closed_withheld": closed_withheld,
        "open_withheld": sum(terms[item.slice_id] not in leaves for item in opened),
        "twins_alone": len(closed) - closed_withheld - len(whole.closed) - len(bare.closed),
    }


def _names(
    leaving: Mapping[str, str],
    about: Mapping[str, AuditedLabel],
    asked: Mapping[str, ClosedItem | OpenItem],
    key: Key,
) -> list[PublishedName]:
    return [
        PublishedName.of(name, about[slice_id]).model_copy(
            update={
                "group_id": asked[slice_id].group_id,
                "group_name": _group_name(asked[slice_id].group_id, key),
                "seed": asked[slice_id].seed,
            }
        )
        for slice_id, name in sorted(leaving.items(), key=lambda one: one[1])
    ]
