"""What of a folder fits a source's description, and what does not, judged by names alone."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import Field

from neuroonco.catalog.drafts import SliceDraft
from neuroonco.catalog.files import is_text, shown
from neuroonco.catalog.path_drafts import claimed_masks, draft_of, is_mask_name
from neuroonco.outcomes import Record
from neuroonco.sources import PathShape, SourceSpec, path_shapes, require_layout
from neuroonco.vocabulary import DropReason

EXAMPLES = 3
NOTHING = "(none)"
"""Stands in the counts for images of which this is not known."""


class Some(Record):
    """How many files something concerns, and the first of them."""

    count: int
    examples: tuple[str, ...] = ()


class LayoutCheck(Record):
    """Counts of one folder against one source.

    Attributes:
        files: all of them; every one is in exactly one of ``images``, ``masks``, ``excluded``, ``outside`` and
            ``masks_without_image``.
        images: what the layout describes.
        masks: mask and label files of these images.
        by_rule: pattern of a layout rule -> images.
        labels, sequences, splits, planes: what was read -> images; ``NOTHING`` where nothing was.
        unmapped: note such as ``label_unmapped:astro`` -> images.
        excluded: the source's reason -> files.
        outside: kinds of paths that no rule describes.
        outside_images: how many of these have the ending of an image or volume.
        masks_missing: images whose mask is expected and not there.
        masks_without_image: files with the name of a mask only.
        verdict: ``fits`` if nothing is left over; ``does not fit`` if no image is read, or not more images are read
            in full than are not.
    """

    source_id: str
    verified: bool
    files: int
    images: int
    masks: int
    by_rule: dict[str, int]
    labels: dict[str, int]
    sequences: dict[str, int]
    splits: dict[str, int]
    planes: dict[str, int]
    unmapped: dict[str, int]
    excluded: dict[str, int]
    outside: tuple[PathShape, ...]
    outside_images: int
    masks_missing: Some = Field(default=Some(count=0))
    masks_without_image: Some = Field(default=Some(count=0))
    verdict: Literal["fits", "fits in part", "does not fit"]


def check_layout(spec: SourceSpec, paths: Sequence[str]) -> LayoutCheck:
    """Hold the names in a folder against a source.

    Args:
        spec: the source's description.
        paths: all files, relative to the folder.

    Raises:
        InputError: the source has no layout.
    """
    require_layout(spec)
    present, claimed = set(paths), claimed_masks(spec, paths)
    drafts: list[SliceDraft] = []
    rules: Counter[str] = Counter()
    excluded: Counter[str] = Counter()
    outside, orphans, outside_images = list[str](), list[str](), 0
    for path in paths:
        if path in claimed.chosen:
            continue
        decided = draft_of(spec, "", path, claimed.second)
        if isinstance(decided, SliceDraft):
            drafts.append(decided)
            found = spec.match(path)
            rules[found[0].pattern if found is not None else ""] += 1
        elif decided[0] is DropReason.EXCLUDED_BY_SOURCE:
            excluded[decided[1]] += 1
        elif path in claimed.second:
            outside.append(shown(path))
        elif is_text(path) and is_mask_name(spec, path):
            orphans.append(path)
        else:
            outside.append(shown(path))
            outside_images += decided[0] is DropReason.OUTSIDE_LAYOUT
    missing = [d.path_in_source for d in drafts if not present.intersection(_masks(d)) and d.mask and d.attach_mask]
    half_read = sum(bool(d.notes) for d in drafts)
    unread = half_read + outside_images
    fits = len(drafts) - half_read > unread
    left_over = bool(unread or missing or orphans)
    return LayoutCheck(
        source_id=spec.id,
        verified=spec.verified,
        files=len(paths),
        images=len(drafts),
        masks=len(claimed.chosen),
        by_rule={rule.pattern: rules[rule.pattern] for rule in spec.layout},
        labels=_counted(f"{d.source_label or NOTHING} -> {d.tumor_type or 'unknown'}" for d in drafts),
        sequences=_counted(", ".join(d.channels) or str(d.sequence or NOTHING) for d in drafts),
        splits=_counted(d.split or NOTHING for d in drafts),
        planes=_counted(str(d.plane or NOTHING) for d in drafts),
        unmapped=_counted(note for d in drafts for note in d.notes),
        excluded=dict(excluded.most_common()),
        outside=tuple(path_shapes(outside)),
        outside_images=outside_images,
        masks_missing=Some(count=len(missing), examples=tuple(missing[:EXAMPLES])),
        masks_without_image=Some(count=len(orphans), examples=tuple(orphans[:EXAMPLES])),
        verdict="does not fit" if not fits else "fits in part" if left_over else "fits",
    )


def _masks(draft: SliceDraft) -> tuple[str, ...]:
    return (draft.mask.path, *draft.other_masks) if draft.mask is not None else ()


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())
