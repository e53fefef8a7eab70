"""Files of a curated run, drawn for tests of its report: every kind of group, a conflict, leaks, findings."""

from pathlib import Path

import cv2
import numpy as np

from neuroonco import store
from neuroonco.catalog.records import SliceRecord
from neuroonco.curate.records import CuratedSlice, DuplicateGroup, GroupMember, QualityFinding
from neuroonco.images import Gray
from neuroonco.outcomes import Dropped, Quarantined
from neuroonco.vocabulary import DropReason, DuplicateKind, QualityFlag, TumorType

SCRIPT = "<script>alert(1)</script>"
HOSTILE = f'02/{SCRIPT}/"><img src=x onerror=y>.png'


def drawn(seed: int, side_px: int = 96) -> Gray:
    """A head-like picture that differs by seed."""
    rng = np.random.default_rng(seed)
    canvas = np.zeros((side_px, side_px), np.uint8)
    middle = side_px // 2
    cv2.ellipse(canvas, (middle, middle), (int(side_px * 0.36), int(side_px * 0.43)), 0, 0, 360, 190, -1)
    cv2.ellipse(canvas, (middle, middle), (int(side_px * 0.32), int(side_px * 0.39)), 0, 0, 360, 90, -1)
    for _ in range(6):
        at = (int(rng.integers(middle - 18, middle + 18)), int(rng.integers(middle - 24, middle + 24)))
        cv2.circle(canvas, at, int(rng.integers(3, 9)), int(rng.integers(60, 240)), -1)
    return canvas


def write_picture(root: Path, path: str, pixels: Gray) -> None:
    """Store a picture where a record says that it is; a path with markup in it is a path too."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode(".png", pixels)
    assert done
    target.write_bytes(data.tobytes())


def sliced(
    slice_id: str,
    path: str,
    *,
    label: TumorType | None = TumorType.GLIOMA,
    split: str | None = "train",
    notes: tuple[str, ...] = (),
    patient_id: str | None = None,
) -> SliceRecord:
    """A catalogued slice; its source is the first folder of its path."""
    return SliceRecord(
        slice_id=slice_id,
        sample_id=slice_id,
        source_id=path.split("/")[0],
        image_path=path,
        image_sha256="ab" * 32,
        height_px=96,
        width_px=96,
        channels=1,
        bit_depth=8,
        tumor_type=label,
        source_label=None if label is None else f"{label.value}_tumor",
        split=split,
        notes=notes,
        patient_id=patient_id,
    )


def member(
    record: SliceRecord,
    kind: DuplicateKind | None = None,
    score: float | None = None,
    transform: str | None = None,
    matched: str | None = None,
) -> GroupMember:
    """A group's member; without a kind it is the representative."""
    return GroupMember(
        slice_id=record.slice_id,
        source_id=record.source_id,
        image_path=record.image_path,
        tumor_type=record.tumor_type,
        split=record.split,
        patient_id=record.patient_id,
        representative=kind is None,
        kind=kind,
        matched=matched,
        transform=transform,
        score=score,
    )


class CuratedFiles:
    """A run's folder with catalogue and curation, and the root of its pictures."""

    def __init__(self, base: Path) -> None:
        self.root = base / "root"
        self.run = base / "run"
        self.catalog = self.run / "01-catalog"
        self.curated = self.run / "02-curate"
        self.out = self.run / "report" / "curation"
        self.records: list[SliceRecord] = []
        self.dropped: list[Dropped] = []
        self.listed_out: list[Dropped] = []
        self.quarantined: list[Quarantined] = []
        self.groups: list[DuplicateGroup] = []
        self.findings: list[QualityFinding] | None = []
        self.flags: dict[str, tuple[str, ...]] = {}
        self.patient_groups: dict[str, str] = {}

    def slice(self, record: SliceRecord, pixels: Gray | None = None) -> SliceRecord:
        """Catalogue a slice, and draw it if pixels are given."""
        self.records.append(record)
        if pixels is not None:
            write_picture(self.root, record.image_path, pixels)
        return record

    def drop(self, record: SliceRecord, reason: DropReason, detail: str | None = None) -> None:
        """Let curation drop a slice."""
        self.dropped.append(
            Dropped(
                slice_id=record.slice_id,
                source_id=record.source_id,
                image_path=record.image_path,
                reason=reason,
                detail=detail,
            )
        )

    def save(self) -> "CuratedFiles":
        """Write all files as a run does."""
        gone = {d.slice_id for d in self.dropped} | {q.slice_id for q in self.quarantined}
        kept = [
            CuratedSlice(
                **{name: getattr(r, name) for name in SliceRecord.model_fields},
                flags=self.flags.get(r.slice_id, ()),
                patient_group=self.patient_groups.get(r.slice_id),
            )
            for r in self.records
            if r.slice_id not in gone
        ]
        store.save(self.catalog / "records.parquet", self.records, SliceRecord)
        store.save(self.catalog / "dropped.parquet", self.listed_out, Dropped)
        store.save(self.catalog / "quarantined.parquet", [], Quarantined)
        store.save(self.curated / "records.parquet", kept, CuratedSlice)
        store.save(self.curated / "dropped.parquet", self.dropped, Dropped)
        store.save(self.curated / "quarantined.parquet", self.quarantined, Quarantined)
        store.save(self.curated / "duplicate_groups.parquet", self.groups, DuplicateGroup)
        if self.findings is not None:
            store.save(self.curated / "quality.parquet", self.findings, QualityFinding)
        return self


def finding(record: SliceRecord, flag: QualityFlag, score: float, limit: float, *, dropped: bool) -> QualityFinding:
    """A quality finding on a slice."""
    return QualityFinding(
        slice_id=record.slice_id,
        source_id=record.source_id,
        image_path=record.image_path,
        flag=flag,
        score=score,
        limit=limit,
        dropped=dropped,
    )


def full_run(base: Path) -> CuratedFiles:
    """Five groups (one a kind, one more augmented), a conflict, leaks within and across, findings, odd names."""
    files = CuratedFiles(base)
    exact, near, augmented, pixels = (
        DuplicateKind.EXACT_BYTES,
        DuplicateKind.NEAR,
        DuplicateKind.AUGMENTED,
        DuplicateKind.EXACT_PIXELS,
    )
    # g1: equal bytes in three sources, one of them healthy: a conflict, left out; a leak across and within 01.
    a = files.slice(sliced("s01", "01/Training/glioma/1.png", notes=("label_unmapped:Glioma?",)), drawn(1))
    b = files.slice(sliced("s02", "01/Testing/glioma/9.png", split="test"), drawn(1))
    c = files.slice(sliced("s03", "03/no/1.png", label=TumorType.HEALTHY, split="val"), drawn(1))
    files.groups.append(
        DuplicateGroup(
            group_id="g1",
            kind=exact,
            members=(member(a), member(b, exact, 1.0, matched="s01"), member(c, exact, 1.0, matched="s01")),
            conflicting_types=True,
            leaking_splits=True,
        )
    )
    for one in (a, b, c):
        files.drop(one, DropReason.LABEL_CONFLICT, "glioma against healthy")
    # g2: a near copy, labelled by majority; the hostile path.
    d = files.slice(sliced("s04", "03/yes/2.png", label=TumorType.MENINGIOMA, patient_id="P7"), drawn(2))
    e = files.slice(sliced("s05", HOSTILE, split=None, notes=("sequence_unmapped:" + SCRIPT,)))
    files.root.mkdir(parents=True, exist_ok=True)
    files.groups.append(
        DuplicateGroup(
            group_id="g2",
            kind=near,
            members=(member(d), member(e, near, 0.9871, "scale 0.5", "s04")),
            conflicting_types=True,
            leaking_splits=False,
            decided_type=TumorType.MENINGIOMA,
        )
    )
    files.drop(e, DropReason.DUPLICATE_NEAR, "copy of 03/yes/2.png")
    files.flags["s04"] = ("label_conflict",)
    # g3, g4: augmented copies, the weaker one later in the file; g4 leaks from 03 to 01 only.
    f = files.slice(sliced("s06", "02/yes/Y1.png", split="train"), drawn(3))
    g = files.slice(sliced("s07", "02/augmented/aug_Y1_1.png"), np.fliplr(drawn(3)))
    h = files.slice(sliced("s08", "02/augmented/aug_Y1_2.png"), cv2.rotate(drawn(3), cv2.ROTATE_180))
    files.groups.append(
        DuplicateGroup(
            group_id="g3",
            kind=augmented,
            members=(
                member(f),
                member(g, augmented, 0.999, "flip left-right", "s06"),
                member(h, augmented, 0.992, "rotate 180 deg", "s07"),
            ),
            conflicting_types=False,
            leaking_splits=False,
        )
    )
    files.drop(g, DropReason.DUPLICATE_AUGMENTED, "flip left-right of 02/yes/Y1.png")
    files.drop(h, DropReason.DUPLICATE_AUGMENTED)
    i = files.slice(sliced("s09", "03/yes/5.png"), drawn(4))
    j = files.slice(sliced("s10", "01/Testing/glioma/5.png", split="test"), np.flipud(drawn(4)))
    files.groups.append(
        DuplicateGroup(
            group_id="g4",
            kind=augmented,
            members=(member(i), member(j, augmented, 0.9712, "flip top-bottom", "s09")),
            conflicting_types=False,
            leaking_splits=True,
        )
    )
    files.drop(j, DropReason.DUPLICATE_AUGMENTED)
    # g5: the same pixels, one file lost since.
    k = files.slice(sliced("s11", "02/yes/Y5.png", patient_id="P1", notes=("box_label:pituitary",)), drawn(5))
    m = files.slice(sliced("s12", "02/yes/gone.png"))
    files.groups.append(
        DuplicateGroup(
            group_id="g5",
            kind=pixels,
            members=(member(k), member(m, pixels, 1.0, matched="s11")),
            conflicting_types=False,
            leaking_splits=False,
        )
    )
    files.drop(m, DropReason.DUPLICATE_PIXELS)
    _with_findings(files)
    return files.save()


def _with_findings(files: CuratedFiles) -> None:
    assert files.findings is not None
    for number, score in enumerate([11.0, 2.0, 7.0]):
        dull = files.slice(sliced(f"s2{number}", f"02/dull/{number}.png", notes=("label_unmapped:Glioma?",)), drawn(9))
        files.findings.append(finding(dull, QualityFlag.BLURRED, score, 12.0, dropped=score < 5))
        if score < 5:
            files.drop(dull, DropReason.QUALITY_BLURRED, "2.0, at least 12.0")
    wide = files.slice(sliced("s30", "03/wide.png", split="test"), drawn(8, 120))
    files.findings.append(finding(wide, QualityFlag.WIDE_BORDER, 0.61, 0.45, dropped=False))
    files.patient_groups.update({"s30": "p1", "s09": "p1", "s04": "p2"})
    lost = files.slice(sliced("s40", "03/broken.png", label=None))
    files.quarantined.append(
        Quarantined(slice_id=lost.slice_id, source_id="03", image_path=lost.image_path, code="IMAGE_EMPTY", message="-")
    )
    files.listed_out.append(
        Dropped(slice_id="x1", source_id="03", image_path="03/ct/1.png", reason=DropReason.EXCLUDED_BY_SOURCE)
    )
