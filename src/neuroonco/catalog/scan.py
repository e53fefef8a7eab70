"""Scan the folders of declared sources: every file ends as kept, dropped with a reason, or quarantined.

:func:`list_files` decides by names alone which files are images. Each image is then read on its own, so that a
caller may give pieces of the list to :func:`catalog_files` in several processes and finish with :func:`merge`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from neuroonco.catalog.drafts import SliceDraft, complete
from neuroonco.catalog.files import is_text, join_path, left_out, list_folder, list_paths, reason_outside
from neuroonco.catalog.records import MaskRef, SliceRecord
from neuroonco.catalog.sample_ids import sample_id_of, unique_sample_ids
from neuroonco.errors import InputError
from neuroonco.outcomes import StageOutcome
from neuroonco.sources import LayoutRule, SourceSpec, load_sources, require_layout, source
from neuroonco.vocabulary import DropReason, MRSequence, Plane, TumorType


def scan_source(root: Path, spec: SourceSpec, folder: str = "") -> StageOutcome[SliceRecord]:
    """Catalogue one source.

    Args:
        root: folder to which all paths in the records are relative.
        spec: the source's description.
        folder: the source's folder relative to the root; empty if it is the root itself.

    Raises:
        InputError: the root or folder cannot be used, or the source has no layout.
    """
    return merge(_scan(root, spec, folder))


def scan_root(root: Path, source_ids: Mapping[str, str] | None = None) -> StageOutcome[SliceRecord]:
    """Catalogue a root that holds the folders of several sources.

    Args:
        root: folder to which all paths in the records are relative.
        source_ids: source id -> folder; None recognises the folders by their names.

    Raises:
        InputError: the root or a folder cannot be used, or a folder is not recognised.
    """
    outcome: StageOutcome[SliceRecord] = StageOutcome()
    if source_ids is None:
        source_ids, loose = recognize_folders(root)
        for name in loose:
            outcome.extend(left_out(root, None, "", name, *reason_outside(name, "not in a source's folder")))
    for source_id in source_ids:
        require_layout(source(source_id))
    for source_id, folder in sorted(source_ids.items()):
        outcome.extend(_scan(root, source(source_id), folder))
    return merge(outcome)


def _scan(root: Path, spec: SourceSpec, folder: str) -> StageOutcome[SliceRecord]:
    listing = list_files(root, spec, folder)
    outcome = catalog_files(root, spec, folder, listing.images)
    outcome.extend(listing.outcome)
    return outcome


def recognize_folders(root: Path) -> tuple[dict[str, str], list[str]]:
    """Which folder of a root belongs to which source, and what else lies in the root.

    Returns:
        Source id -> folder name, and the names of everything that is not a folder.

    Raises:
        InputError: the root cannot be used, a folder matches no source or two, two folders match one source.
    """
    entries = list_folder(root)
    names = sorted(e.name for e in entries if e.is_dir(follow_symlinks=False))
    found: dict[str, str] = {}
    unknown: list[str] = []
    for name in names:
        matching = [i for i, spec in load_sources().items() if any(fnmatchcase(name, h) for h in spec.folder_hints)]
        if not matching:
            unknown.append(name)
        elif len(matching) > 1:
            what = f"folder {name!r} matches the sources {', '.join(matching)}"
            raise InputError("SOURCE_AMBIGUOUS", what, where=str(root), fix="name its source")
        elif matching[0] in found:
            what = f"folders {found[matching[0]]!r} and {name!r} both match source {matching[0]}"
            raise InputError("SOURCE_AMBIGUOUS", what, where=str(root), fix="name the source of each")
        else:
            found[matching[0]] = name
    if not entries:
        raise InputError("ROOT_EMPTY", "no files in here", where=str(root), fix="unpack the collections there")
    if unknown or not names:
        hints = ", ".join(f"{i}: {' or '.join(s.folder_hints)}" for i, s in load_sources().items())
        what = f"no source is known for: {', '.join(unknown)}" if unknown else "no folders of sources in here"
        raise InputError("SOURCE_UNRECOGNIZED", what, where=str(root), fix=f"name the source; known are {hints}")
    return found, sorted(e.name for e in entries if not e.is_dir(follow_symlinks=False))


@dataclass(frozen=True)
class Listing:
    """The files of a source's folder, as their names tell them apart.

    Attributes:
        images: paths of images, relative to the source's folder, sorted; their masks are not listed.
        outcome: every other file, dropped or quarantined.
    """

    images: list[str]
    outcome: StageOutcome[SliceRecord]


def list_files(root: Path, spec: SourceSpec, folder: str = "") -> Listing:
    """List a source's folder; no file is opened.

    Args:
        root: folder to which all paths in the records are relative.
        spec: the source's description.
        folder: the source's folder relative to the root; empty if it is the root itself.

    Raises:
        InputError: the root or folder cannot be used or holds no file, or the source has no layout.
    """
    require_layout(spec)
    paths = list_paths(root, folder)
    claimed = _claimed_masks(spec, paths)
    listing = Listing([], StageOutcome())
    for path in paths:
        if path not in claimed:
            decided = draft_of(spec, folder, path)
            if isinstance(decided, SliceDraft):
                listing.images.append(path)
            else:
                listing.outcome.extend(left_out(root, spec.id, folder, path, *decided))
    return listing


def catalog_files(root: Path, spec: SourceSpec, folder: str, paths: Iterable[str]) -> StageOutcome[SliceRecord]:
    """Read some images of a source, with their masks.

    Args:
        root: folder to which all paths in the records are relative.
        spec: the source's description.
        folder: the source's folder relative to the root.
        paths: from :attr:`Listing.images`.

    Returns:
        Records in the order of the paths; their ``sample_id`` may not be unique yet.
    """
    outcome: StageOutcome[SliceRecord] = StageOutcome()
    for path in paths:
        decided = draft_of(spec, folder, path)
        if isinstance(decided, SliceDraft):
            outcome.extend(complete(root, decided))
        else:
            outcome.extend(left_out(root, spec.id, folder, path, *decided))
    return outcome


def merge(outcome: StageOutcome[SliceRecord]) -> StageOutcome[SliceRecord]:
    """Finish a catalogue that was put together from parts: unique ``sample_id``, sorted by ``slice_id``."""
    return StageOutcome(
        kept=sorted(unique_sample_ids(outcome.kept), key=lambda r: r.slice_id),
        dropped=sorted(outcome.dropped, key=lambda d: d.slice_id),
        quarantined=sorted(outcome.quarantined, key=lambda q: q.slice_id),
    )


def draft_of(spec: SourceSpec, folder: str, path: str) -> SliceDraft | tuple[DropReason, str]:
    """What a path says about its image, or why it is left out. Nothing is read.

    Args:
        spec: the source's description.
        folder: the source's folder relative to the root.
        path: relative to the source's folder.
    """
    for exclusion in spec.exclude:
        if exclusion.compiled.match(path) is not None:
            return DropReason.EXCLUDED_BY_SOURCE, exclusion.reason
    if not is_text(path):
        return DropReason.NOT_AN_IMAGE_NAME, "the name is not UTF-8"
    if _is_mask_name(spec, path):
        return DropReason.OUTSIDE_LAYOUT, "mask or label file without its image"
    for rule in spec.layout:
        fields = rule.compiled.match(path)
        if fields is not None:
            return _draft(spec, rule, fields, folder, path)
    return reason_outside(path, "no pattern of the source matches the path")


def _draft(spec: SourceSpec, rule: LayoutRule, fields: Mapping[str, str], folder: str, path: str) -> SliceDraft:
    notes: list[str] = []

    def mapped(field: str, table: Mapping[str, str]) -> str | None:
        """A spelling that the source's description does not list is noted, never guessed."""
        spelling = fields.get(field)
        if spelling is not None and spelling not in table:
            notes.append(f"{field}_unmapped:{spelling}")
        return None if spelling is None else table.get(spelling)

    label = mapped("label", spec.labels)
    tumor_type = TumorType(label) if label not in (None, "unknown") else rule.tumor_type
    sequence = mapped("sequence", spec.sequences)
    plane = mapped("plane", spec.planes)
    mask = None
    if rule.mask is not None:
        mask_path = join_path(folder, rule.mask.template.fill(fields))
        mask = MaskRef(path=mask_path, kind=rule.mask.kind, lesion_values=rule.mask.lesion_values)
    source_label = fields.get("label")
    said = tumor_type.value if tumor_type is not None else source_label or "unlabeled"
    return SliceDraft(
        source_id=spec.id,
        path_in_source=path,
        image_path=join_path(folder, path),
        sample_id=sample_id_of(said, spec.id, PurePosixPath(path).stem),
        tumor_type=tumor_type,
        tumor_present=None if tumor_type is None else tumor_type is not TumorType.HEALTHY,
        source_label=source_label,
        sequence=rule.sequence if sequence is None else MRSequence(sequence),
        plane=rule.plane if plane is None else Plane(plane),
        patient_id=fields.get("patient"),
        split=mapped("split", spec.splits) or rule.split,
        channels=rule.channels,
        missing_repeats=rule.missing_repeats,
        mask=mask,
        attach_mask=tumor_type is not TumorType.HEALTHY,
        empty_means_absent=rule.mask is not None and rule.mask.empty_means_absent,
        class_labels=rule.mask.class_labels if rule.mask is not None else {},
        notes=tuple(notes),
    )


def _claimed_masks(spec: SourceSpec, paths: Sequence[str]) -> frozenset[str]:
    """Mask and label files whose image exists: the image accounts for them."""
    claimed: set[str] = set()
    for rule in spec.layout:
        if rule.mask is None:
            continue
        pattern, template = rule.compiled, rule.mask.template
        for path in paths:
            fields = pattern.match(path)
            if fields is not None and not _is_mask_name(spec, path):
                claimed.add(template.fill(fields))
    return frozenset(claimed.intersection(paths))


def _is_mask_name(spec: SourceSpec, path: str) -> bool:
    return any(rule.mask is not None and rule.mask.template.match(path) is not None for rule in spec.layout)
