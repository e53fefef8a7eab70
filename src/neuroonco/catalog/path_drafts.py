"""What a path says about its image, by its source's description alone: nothing is opened."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from neuroonco.catalog.drafts import SliceDraft
from neuroonco.catalog.files import is_text, join_path, reason_outside, stem_of
from neuroonco.catalog.records import MaskRef
from neuroonco.catalog.sample_ids import sample_id_of
from neuroonco.sources import LayoutRule, SourceSpec, composed, is_side_file
from neuroonco.vocabulary import DropReason, MRSequence, Plane, TumorType

SECOND_MASK = "second mask of an image"


@dataclass(frozen=True)
class ClaimedMasks:
    """Mask and label files whose image exists.

    Attributes:
        chosen: the image accounts for them.
        second: their image has another one, at a path that its source's description prefers.
    """

    chosen: frozenset[str]
    second: frozenset[str]


def draft_of(
    spec: SourceSpec, folder: str, path: str, second_masks: Collection[str] = ()
) -> SliceDraft | tuple[DropReason, str]:
    """What a path says about its image, or why it is left out. Nothing is read.

    Args:
        spec: the source's description.
        folder: the source's folder relative to the root.
        path: relative to the source's folder.
        second_masks: of :class:`ClaimedMasks`.
    """
    for exclusion in spec.exclude:
        if exclusion.compiled.match(path) is not None:
            return DropReason.EXCLUDED_BY_SOURCE, exclusion.reason
    if not is_text(path):
        return DropReason.NOT_AN_IMAGE_NAME, "the name is not UTF-8"
    if is_side_file(path):
        return DropReason.NOT_AN_IMAGE_NAME, "a side file of macOS"
    if is_mask_name(spec, path):
        second = path in second_masks
        return DropReason.OUTSIDE_LAYOUT, SECOND_MASK if second else "mask or label file without its image"
    found = spec.match(path)
    if found is not None:
        return _draft(spec, *found, folder, path)
    return reason_outside(path, "no pattern of the source matches the path")


def _draft(spec: SourceSpec, rule: LayoutRule, fields: Mapping[str, str], folder: str, path: str) -> SliceDraft:
    notes: list[str] = []

    def mapped(field: str) -> str | None:
        """A spelling that the source's description does not list is noted, never guessed."""
        spelling, table = fields.get(field), spec.table(field)
        if spelling is not None and composed(spelling) not in table:
            notes.append(f"{field}_unmapped:{spelling}")
        return None if spelling is None else table.get(composed(spelling))

    label = mapped("label")
    tumor_type = TumorType(label) if label not in (None, "unknown") else rule.tumor_type
    sequence = mapped("sequence")
    plane = mapped("plane")
    mask, others = None, list[str]()
    if rule.mask is not None:
        first, *others = (join_path(folder, template.fill(fields)) for template in rule.mask.templates)
        mask = MaskRef(path=first, kind=rule.mask.kind, lesion_values=rule.mask.lesion)
    source_label = fields.get("label")
    said = tumor_type.value if tumor_type is not None else source_label or "unlabeled"
    return SliceDraft(
        source_id=spec.id,
        path_in_source=path,
        image_path=join_path(folder, path),
        reader=rule.reader,
        labels=spec.labels,
        sample_id=sample_id_of(said, spec.id, stem_of(path)),
        tumor_type=tumor_type,
        tumor_present=None if tumor_type is None else tumor_type is not TumorType.HEALTHY,
        source_label=source_label,
        sequence=rule.sequence if sequence is None else MRSequence(sequence),
        plane=rule.plane if plane is None else Plane(plane),
        patient_id=fields.get("patient"),
        split=mapped("split") or rule.split,
        channels=rule.channels,
        missing_repeats=rule.missing_repeats,
        mask=mask,
        other_masks=tuple(others),
        label_values=frozenset(rule.mask.label_map) if rule.mask is not None and rule.mask.label_map else None,
        type_from_mask=rule.mask is not None and rule.mask.type_from_mask,
        attach_mask=tumor_type is not TumorType.HEALTHY,
        empty_means_absent=rule.mask is not None and rule.mask.empty_means_absent,
        class_labels=rule.mask.class_labels if rule.mask is not None else {},
        notes=tuple(notes),
    )


def claimed_masks(spec: SourceSpec, paths: Sequence[str]) -> ClaimedMasks:
    """Mask and label files whose image exists; of several for one image the first in the rule's order is chosen."""
    present = frozenset(paths)
    chosen: set[str] = set()
    second: set[str] = set()
    for path in paths:
        found = None if is_side_file(path) or is_mask_name(spec, path) else spec.match(path)
        if found is not None and found[0].mask is not None:
            filled = (template.fill(found[1]) for template in found[0].mask.templates)
            own = [mask for mask in filled if mask in present]
            chosen.update(own[:1])
            second.update(own[1:])
    return ClaimedMasks(frozenset(chosen), frozenset(second - chosen))


def is_mask_name(spec: SourceSpec, path: str) -> bool:
    """A path with the name of a mask or label file, whether its image exists or not."""
    masks = (rule.mask for rule in spec.layout if rule.mask is not None)
    return any(template.match(path) is not None for mask in masks for template in mask.templates)
