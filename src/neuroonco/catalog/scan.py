"""Scan the folders of declared sources: every file ends as kept, dropped with a reason, or quarantined.

:func:`list_files` decides by names alone which files are images. Each image is then read on its own, so that a
caller may give pieces of the list to :func:`catalog_files` in several processes and finish with :func:`merge`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from neuroonco import images
from neuroonco.catalog.drafts import SliceDraft, complete
from neuroonco.catalog.files import left_out, list_folder, list_paths, reason_outside
from neuroonco.catalog.path_drafts import claimed_masks, draft_of
from neuroonco.catalog.records import SliceRecord
from neuroonco.catalog.sample_ids import unique_sample_ids
from neuroonco.catalog.volumes import complete_volume
from neuroonco.errors import InputError
from neuroonco.outcomes import StageOutcome
from neuroonco.sources import SourceSpec, load_sources, require_layout, shapes_of, source


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


def scan_root(
    root: Path, source_ids: Mapping[str, str] | None = None, sources: Path | None = None
) -> StageOutcome[SliceRecord]:
    """Catalogue a root that holds the folders of several sources.

    Args:
        root: folder to which all paths in the records are relative.
        source_ids: source id -> folder; None recognises the folders by their names.
        sources: folder of further source descriptions, see :func:`neuroonco.sources.load_sources`.

    Raises:
        InputError: the root or a folder cannot be used, or a folder is not recognised.
    """
    outcome: StageOutcome[SliceRecord] = StageOutcome()
    if source_ids is None:
        source_ids, loose = recognize_folders(root, sources)
        for name in loose:
            outcome.extend(left_out(root, None, "", name, *reason_outside(name, "not in a source's folder")))
    specs = {source_id: source(source_id, sources) for source_id in sorted(source_ids)}
    for spec in specs.values():
        require_layout(spec)
    for source_id, spec in specs.items():
        outcome.extend(_scan(root, spec, source_ids[source_id]))
    return merge(outcome)


def _scan(root: Path, spec: SourceSpec, folder: str) -> StageOutcome[SliceRecord]:
    listing = list_files(root, spec, folder)
    outcome = catalog_files(root, spec, folder, listing.images)
    outcome.extend(listing.outcome)
    return outcome


def recognize_folders(root: Path, sources: Path | None = None) -> tuple[dict[str, str], list[str]]:
    """Which folder of a root belongs to which source, and what else lies in the root.

    Args:
        root: holds the folders.
        sources: see :func:`scan_root`.

    Returns:
        Source id -> folder name, and the names of everything that is not a folder.

    Raises:
        InputError: the root cannot be used, a folder matches no source or two, two folders match one source.
    """
    entries = list_folder(root)
    names = sorted(e.name for e in entries if e.is_dir(follow_symlinks=False))
    known = load_sources(sources)
    found: dict[str, str] = {}
    unknown: list[str] = []
    for name in names:
        matching = [i for i, spec in known.items() if any(fnmatchcase(name, h) for h in spec.folder_hints)]
        # A hint that is this very name says more than one with wildcards.
        matching = [i for i in matching if name in known[i].folder_hints] or matching
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
        first = unknown[0] if unknown else ""
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        what = f"no source is known by the folder {first!r}{more}" if unknown else "no folders of sources in here"
        fix = "name the source with --source, see `neuroonco show sources`; a new one: `neuroonco sources infer DIR`"
        raise InputError("SOURCE_UNRECOGNIZED", what, where=str(root), fix=fix)
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
    claimed = claimed_masks(spec, paths)
    listing = Listing([], StageOutcome())
    for path in paths:
        if path not in claimed.chosen:
            decided = draft_of(spec, folder, path, claimed.second)
            if isinstance(decided, SliceDraft):
                listing.images.append(path)
            else:
                listing.outcome.extend(left_out(root, spec.id, folder, path, *decided))
    if not listing.images:
        raise _mismatch(root, spec, folder, paths)
    return listing


def _mismatch(root: Path, spec: SourceSpec, folder: str, paths: Sequence[str]) -> InputError:
    """No file is an image of the layout: say what was expected and what lies there instead."""
    expected = " or ".join(dict.fromkeys(rule.pattern for rule in spec.layout))
    if any("{label" in rule.pattern for rule in spec.layout):
        expected += f" with labels such as {', '.join(list(spec.labels)[:4])}"
    known = "" if spec.verified else " (unverified)"
    what = f"no file fits the layout of source {spec.id}{known}: expected {expected}; found {shapes_of(paths)}"
    where = str(root / folder) if folder else str(root)
    fix = f"neuroonco sources check {spec.id} {where}, or describe it anew: neuroonco sources infer {where}"
    return InputError("LAYOUT_MISMATCH", what, where=where, fix=fix)


def catalog_files(
    root: Path, spec: SourceSpec, folder: str, paths: Iterable[str], decode: images.Decode = images.decode
) -> StageOutcome[SliceRecord]:
    """Read some images of a source, with their masks.

    Args:
        root: folder to which all paths in the records are relative.
        spec: the source's description.
        folder: the source's folder relative to the root.
        paths: from :attr:`Listing.images`.
        decode: bytes and a name for messages to pixels; see :class:`neuroonco.pictures.LastPicture`.

    Returns:
        Records in the order of the paths; their ``sample_id`` may not be unique yet.
    """
    outcome: StageOutcome[SliceRecord] = StageOutcome()
    for path in paths:
        decided = draft_of(spec, folder, path)
        if isinstance(decided, SliceDraft):
            picture = decided.reader == "image"
            outcome.extend(complete(root, decided, decode) if picture else complete_volume(root, decided))
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
