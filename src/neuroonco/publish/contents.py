"""What a published benchmark's folder holds: questions, pictures, and hashes of those that may not leave."""

from collections.abc import Sequence
from pathlib import Path

from neuroonco import store
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.interop import closed_document, open_document
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.errors import InputError
from neuroonco.publish.folder import write_picture
from neuroonco.publish.records import HashPointer
from neuroonco.publish.renaming import Part, path_of


def write_pictures(folder: Path, root: Path, shown: Sequence[tuple[str, AuditedLabel]]) -> None:
    """Write the pictures under their names; equal ones would be one image under two names.

    Raises:
        InputError: two are equal, or one cannot be read.
    """
    seen: dict[str, str] = {}
    for name, label in sorted(shown, key=lambda one: one[0]):
        other = seen.setdefault(write_picture(folder / path_of(name), root, label.slice), label.slice_id)
        if other != label.slice_id:
            fix = "curate the collections, which finds copies, and build again"
            raise InputError("SAME_PIXELS", "two slices show the same", where=f"{other}, {label.slice_id}", fix=fix)


def write_part(folder: Path, part: Part) -> None:
    """Write questions, in the reference's form and typed; pairs, where there are any, into files of their own."""
    store.write_json(folder / "benchmark_closed.json", closed_document(part.closed))
    store.write_json(folder / "benchmark_open.json", open_document(part.open))
    store.save(folder / "closed.parquet", part.closed, ClosedItem)
    store.save(folder / "open.parquet", part.open, OpenItem)
    if part.twins:
        store.write_json(folder / "benchmark_closed_twins.json", closed_document(part.twins))
        store.save(folder / "closed_twins.parquet", part.twins, ClosedItem)


def write_pointers(folder: Path, missing: Sequence[tuple[str, AuditedLabel]]) -> None:
    """Write the hashes of the files whose images may not leave, by published name."""
    pointers = [
        HashPointer(
            image_path=path_of(name),
            sha256=label.slice.image_sha256,
            image_channel=label.slice.image_channel,
            image_slice=label.slice.image_slice,
        )
        for name, label in sorted(missing, key=lambda one: one[0])
    ]
    store.save(folder / "pointers.jsonl", pointers, HashPointer)
