"""Scan the reference's canonical folder layout, ``<tumour type>/<source id>_<modalities>[_mask]/...``.

Five sources are read by their own rules, in a fixed order, and everything else by the no-mask rules; the first to
claim a path has it. Source: MM-NeuroOnco v1.0, metadata extraction and merge. Unlike the reference, a file that
serves as a mask is never catalogued as an image, and source folders are known by their leading number.
"""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path, PurePosixPath

from neuroonco.catalog.drafts import SliceDraft, complete
from neuroonco.catalog.files import is_text, left_out, list_paths, reason_outside
from neuroonco.catalog.records import SliceRecord
from neuroonco.catalog.reference_names import (
    is_image_name,
    leading_number,
    sequence_in,
    source_id_of,
    stem_of,
)
from neuroonco.catalog.reference_sources import SPECIAL, Claim, SourceFolder
from neuroonco.catalog.sample_ids import sample_id_of
from neuroonco.outcomes import StageOutcome
from neuroonco.vocabulary import DropReason, TumorType, recode

SKIPPED_FOLDERS = frozenset({"mask", "masks", "label", "labels"})


def scan_reference(root: Path) -> StageOutcome[SliceRecord]:
    """Catalogue a root in the reference's layout.

    Returns:
        Records sorted by ``slice_id``, with ``origin`` set; ``sample_id`` is the reference's and may repeat.

    Raises:
        InputError: the root cannot be used.
    """
    paths = list_paths(root)
    outcome: StageOutcome[SliceRecord] = StageOutcome()
    claim = _claim_special(root, [path for path in paths if is_text(path)])
    drafts = {draft.image_path: draft for draft in claim.drafts}
    for path in paths:
        if path in drafts:
            outcome.extend(complete(root, drafts[path]))
        elif path in claim.companions:
            continue
        elif path in claim.orphans:
            detail = "mask or label file without its image"
            outcome.extend(left_out(root, None, "", path, DropReason.OUTSIDE_LAYOUT, detail))
        else:
            decided = no_mask_draft(path)
            if isinstance(decided, SliceDraft):
                outcome.extend(complete(root, decided))
            else:
                outcome.extend(left_out(root, None, "", path, *decided))
    outcome.kept.sort(key=lambda r: r.slice_id)
    outcome.dropped.sort(key=lambda d: d.slice_id)
    outcome.quarantined.sort(key=lambda q: q.slice_id)
    return outcome


def no_mask_draft(path: str) -> SliceDraft | tuple[DropReason, str]:
    """What the no-mask rules say about a path relative to the root. Nothing is read."""
    category, *folders = path.split("/")[:-1] or [""]
    if not is_text(path) or not is_image_name(path):
        return reason_outside(path, "the name is not UTF-8")
    if not category:
        return DropReason.OUTSIDE_LAYOUT, "not in a category's folder"
    if skipped := [name for name in (category, *folders) if name.lower() in SKIPPED_FOLDERS]:
        return DropReason.OUTSIDE_LAYOUT, f"in a folder named {skipped[0]}"
    name = PurePosixPath(path).name
    if "mask" in name.lower():
        return DropReason.OUTSIDE_LAYOUT, "the name contains mask"
    tumor_type = recode(TumorType, category)
    return SliceDraft(
        source_id=source_id_of(folders[0]) if folders else "reference",
        path_in_source=path,
        image_path=path,
        sample_id=sample_id_of(category, "", stem_of(path)),
        tumor_type=tumor_type,
        tumor_present=tumor_type is not TumorType.HEALTHY,
        source_label=category,
        sequence=sequence_in(name),
        origin="metadata_no_mask",
    )


def _claim_special(root: Path, paths: Sequence[str]) -> Claim:
    """What the special sources take; of a path that two claim, the first in the order of merging has it."""
    deep = [path.split("/", 2) for path in sorted(paths) if path.count("/") >= 2]
    folders = [
        SourceFolder(root, category, name, [rest for _, _, rest in members])
        for (category, name), members in groupby(deep, key=lambda parts: (parts[0], parts[1]))
    ]
    whole = Claim()
    for number, category, rules in SPECIAL:
        for folder in folders:
            if leading_number(folder.name) == number and category in (None, folder.category):
                claim = rules(folder)
                whole.drafts += claim.drafts
                whole.companions |= claim.companions
                whole.orphans |= claim.orphans
    return whole
