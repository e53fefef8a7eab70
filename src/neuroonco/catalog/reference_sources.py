"""The five sources that the reference's layout treats apart: which file is an image, and which is its mask.

Each function takes the file names of one folder ``<category>/<number>_...`` and returns drafts; only the labels of
source 19 are read. All rules are those of MM-NeuroOnco v1.0, metadata extraction, unless a comment says otherwise.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from neuroonco import images
from neuroonco.catalog.drafts import SliceDraft
from neuroonco.catalog.files import regular_file
from neuroonco.catalog.records import MaskRef
from neuroonco.catalog.reference_names import (
    T1CE_ONLY,
    WITHOUT_GD,
    is_image_name,
    sequence_in,
    source_id_of,
    stem_of,
)
from neuroonco.catalog.sample_ids import clean_token, sample_id_of
from neuroonco.errors import InputError
from neuroonco.store import read_text
from neuroonco.vocabulary import MaskKind, MRSequence, TumorType, recode

CODES_05 = {
    "gl": TumorType.GLIOMA,
    "me": TumorType.MENINGIOMA,
    "pi": TumorType.PITUITARY,
    "no": TumorType.HEALTHY,
    "tu": TumorType.TUMOR,
}
CLASSES_19 = {0: TumorType.GLIOMA, 1: TumorType.MENINGIOMA, 2: TumorType.PITUITARY}
MAX_LABEL_BYTES = 4 * 1024**2


@dataclass
class Claim:
    """What a special source takes of its folder, by path relative to the root.

    Attributes:
        drafts: its images.
        companions: mask and label files that belong to an image.
        orphans: mask and label files without an image.
    """

    drafts: list[SliceDraft] = field(default_factory=list)
    companions: set[str] = field(default_factory=set)
    orphans: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class SourceFolder:
    """One folder ``<category>/<name>`` of the layout and the paths below it, sorted."""

    root: Path
    category: str
    name: str
    paths: Sequence[str]

    @property
    def prefix(self) -> str:
        """Path relative to the root, with a trailing slash."""
        return f"{self.category}/{self.name}/"

    @property
    def direct(self) -> list[str]:
        """Paths that lie directly in the folder."""
        return [path for path in self.paths if "/" not in path]


def draft(
    folder: SourceFolder,
    path: str,
    origin: str,
    *,
    sample_id: str,
    tumor_type: TumorType | None,
    sequence: MRSequence | None,
    mask: MaskRef | None,
    patient_id: str | None = None,
) -> SliceDraft:
    """Draft of an image; ``path`` is relative to the source's folder."""
    return SliceDraft(
        source_id=source_id_of(folder.name),
        path_in_source=folder.prefix + path,
        image_path=folder.prefix + path,
        sample_id=sample_id,
        tumor_type=tumor_type,
        tumor_present=tumor_type is not TumorType.HEALTHY,
        source_label=folder.category,
        sequence=sequence,
        patient_id=patient_id,
        mask=mask,
        origin=origin,
    )


def claim_05(folder: SourceFolder) -> Claim:
    """JPEG images with the mask ``<stem>.png``; type and sequence stand in the file name."""
    claim = Claim()
    masks = {path for path in folder.direct if path.lower().endswith(".png")}
    used: set[str] = set()
    for path in folder.direct:
        if not path.lower().endswith((".jpg", ".jpeg")):
            continue
        stem = stem_of(path)
        tokens = stem.split("_")
        tumor_type = next((CODES_05[t.lower()] for t in tokens if t.lower() in CODES_05), TumorType.TUMOR)
        found = (sequence_in(token, WITHOUT_GD) for token in reversed(tokens))
        mask = f"{stem}.png"
        claim.drafts.append(
            draft(
                folder,
                path,
                "metadata_tumor_05",
                sample_id=sample_id_of(tumor_type.value, folder.name, stem),
                tumor_type=tumor_type,
                sequence=next((sequence for sequence in found if sequence is not None), None),
                mask=_mask(folder, mask, masks, used),
            )
        )
    _settle(claim, folder, masks, used)
    return claim


def claim_10(folder: SourceFolder) -> Claim:
    """Images of any ending with the mask ``<stem>_mask.<any ending>``; the type is the category."""
    claim = Claim()
    named = [path for path in folder.direct if is_image_name(path)]
    masks = {path for path in named if stem_of(path).lower().endswith("_mask")}
    used: set[str] = set()
    for path in named:
        if path in masks:
            continue
        stem = stem_of(path)
        candidates = [f"{stem}_mask{suffix}" for suffix in images.IMAGE_SUFFIXES]
        mask = next((name for name in candidates if name in masks), "")
        claim.drafts.append(
            draft(
                folder,
                path,
                "metadata_10",
                sample_id=sample_id_of(folder.category, folder.name, stem),
                tumor_type=recode(TumorType, folder.category),
                sequence=sequence_in(path),
                mask=_mask(folder, mask, masks, used),
            )
        )
    _settle(claim, folder, masks, used)
    return claim


def claim_16(folder: SourceFolder) -> Claim:
    """One folder a case; ``*_seg.png`` is the mask of all its sequences."""
    claim = Claim()
    used: set[str] = set()
    inside = [path for path in folder.paths if path.count("/") == 1 and is_image_name(path)]
    masks = {path for path in inside if path.endswith("_seg.png")}
    mask_of_case = {path.split("/")[0]: path for path in sorted(masks, reverse=True)}
    for path in inside:
        if path in masks:
            continue
        stem = stem_of(path)
        mask = mask_of_case.get(path.split("/")[0], "")
        last = stem.split("_")[-1].lower()
        exact = next((sequence for sequence in MRSequence if sequence.value == last), None)
        # Without an exact last token FLAIR goes before contrast here, unlike in the other sources.
        loose = MRSequence.FLAIR if "flair" in stem.lower() else sequence_in(stem, T1CE_ONLY)
        claim.drafts.append(
            draft(
                folder,
                path,
                "metadata_16",
                sample_id=sample_id_of(folder.category, folder.name, stem),
                tumor_type=recode(TumorType, folder.category),
                sequence=exact or loose,
                mask=_mask(folder, mask, masks, used, MaskKind.LABELS),
                patient_id=path.split("/")[0],
            )
        )
    _settle(claim, folder, masks, used)
    return claim


def claim_14(folder: SourceFolder) -> Claim:
    """Contrast-enhanced T1; the mask has "mask" in its name and the image's number in parentheses."""
    claim = Claim()
    named = [path for path in folder.direct if is_image_name(path)]
    masks = {path for path in named if "mask" in path.lower()}
    by_number: dict[str, str] = {}
    for path in sorted(masks):
        number = re.search(r"\(([0-9]+)\)", path) or re.search(r"\((.+?)\)", path)
        if number is not None:
            by_number.setdefault(number[1].strip(), path)
    used: set[str] = set()
    for path in named:
        if path in masks:
            continue
        stem = stem_of(path)
        # The reference knows images named by their number alone; a number in parentheses is read as well.
        number = re.search(r"\(([0-9]+)\)", stem)
        mask = by_number.get(stem) or by_number.get(number[1] if number is not None else "", "")
        claim.drafts.append(
            draft(
                folder,
                path,
                "metadata_tumor_14",
                sample_id=f"tumor_{clean_token(folder.name)}_{clean_token(stem)}",
                tumor_type=TumorType.TUMOR,
                sequence=MRSequence.T1CE,
                mask=_mask(folder, mask, masks, used),
            )
        )
    _settle(claim, folder, masks, used)
    return claim


def claim_19(folder: SourceFolder) -> Claim:
    """YOLO layout: class and outline of ``images/<stem>`` stand in ``labels/<stem>.txt`` beside the folder."""
    claim = Claim()
    outside_labels = [
        path
        for path in folder.paths
        if is_image_name(path) and "labels" not in [part.lower() for part in path.split("/")[:-1]]
    ]
    masks = {path for path in outside_labels if "_mask" in PurePosixPath(path).name.lower()}
    labels = {path for path in folder.paths if path.endswith(".txt") and "labels" in path.split("/")[:-1]}
    used: set[str] = set()
    for path in outside_labels:
        if path in masks:
            continue
        where, stem = PurePosixPath(path).parent, stem_of(path)
        label = str(where.parent / "labels" / f"{stem}.txt")
        mask = _mask(folder, str(where / f"{stem}_mask.png"), masks, used)
        tumor_type = TumorType.TUMOR
        if label in labels:
            used.add(label)
            tumor_type, outline_kind = _read_label(folder.root, folder.prefix + label)
            if mask is None and outline_kind is not None:
                mask = MaskRef(path=folder.prefix + label, kind=outline_kind)
        inside = "" if str(where) == "." else f"/{where}"
        claim.drafts.append(
            draft(
                folder,
                path,
                "metadata_tumor_19",
                sample_id=f"tumor_{clean_token(folder.name + inside)}_{clean_token(stem)}",
                tumor_type=tumor_type,
                sequence=sequence_in(PurePosixPath(path).name, T1CE_ONLY),
                mask=mask,
            )
        )
    _settle(claim, folder, masks | labels, used)
    return claim


SPECIAL: tuple[tuple[int, str | None, Callable[[SourceFolder], Claim]], ...] = (
    (5, "tumor", claim_05),
    (10, None, claim_10),
    (16, "glioma", claim_16),
    (14, "tumor", claim_14),
    (19, "tumor", claim_19),
)
"""Number of the source, its category (None: any) and its rules, in the reference's order of merging."""


def _read_label(root: Path, path: str) -> tuple[TumorType, MaskKind | None]:
    """Tumour type by the first line, and what the lines outline: polygons, boxes, or nothing."""
    try:
        regular_file(root, path)
        lines = [line.split() for line in read_text(root / path, MAX_LABEL_BYTES).splitlines()]
    except InputError:
        # The mask is attached all the same: reading it writes down what is wrong with the file.
        return TumorType.TUMOR, MaskKind.YOLO_POLYGONS
    try:
        tumor_type = CLASSES_19.get(int(lines[0][0]), TumorType.TUMOR)
    except (ValueError, IndexError):  # no line, an empty line, or no number: the reference says "tumor" too
        tumor_type = TumorType.TUMOR
    sizes = {len(words) for words in lines if words}
    if not sizes:
        return tumor_type, None
    return tumor_type, MaskKind.YOLO_BOXES if sizes == {5} else MaskKind.YOLO_POLYGONS


def _mask(
    folder: SourceFolder, name: str, masks: Iterable[str], used: set[str], kind: MaskKind = MaskKind.BINARY
) -> MaskRef | None:
    if name not in masks:
        return None
    used.add(name)
    return MaskRef(path=folder.prefix + name, kind=kind)


def _settle(claim: Claim, folder: SourceFolder, candidates: set[str], used: set[str]) -> None:
    claim.companions = {folder.prefix + path for path in used}
    claim.orphans = {folder.prefix + path for path in candidates - used}
