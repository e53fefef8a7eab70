"""From a slice's rows in a run to what its page shows."""

import json
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

from neuroonco.browse.records import (
    AskedQuestion,
    LabelCell,
    LabelRow,
    LabelTable,
    ModelAnswer,
    Named,
    OfferedOption,
    WayPart,
)
from neuroonco.vocabulary import (
    SIGN_VALUES,
    DropReason,
    ImageRegion,
    MRSequence,
    Plane,
    QuestionType,
    Sign,
    TumorType,
    display,
    recode,
)
from neuroonco.walk.browsing_fields import TELLABLE
from neuroonco.walk.folders import AUDIT, CATALOG, CURATE, DESCRIBE, FUSE, PREDICT, READ, REVIEW
from neuroonco.walk.trace import Step

Row = Mapping[str, Any]
_TYPES: dict[str, type[StrEnum]] = {
    "sequence": MRSequence,
    "sequence_seen": MRSequence,
    "region": ImageRegion,
    **{sign.value: enum for sign, enum in SIGN_VALUES.items()},
}
LABEL_FIELDS = ("lesion_found", "sequence", "sequence_seen", "region", *(sign.value for sign in Sign))
FIELD_NAMES = {
    "lesion_found": "Lesion",
    "sequence": "Sequence",
    "sequence_seen": "Sequence as seen",
    "region": "Region",
}
UNNAMED_STEM = 5
"""Shorter stems are numbers, words and sequences that any text has, unless they have letters and digits."""


def shown(enum: type[StrEnum] | None, value: Any) -> str | None:
    """A stored value for people; what the vocabulary does not know is shown as it is."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        return as_text(value)
    known = None if enum is None else recode(enum, value)
    return value if known is None else display(known)


def as_text(value: Any) -> str:
    """A value of a row as text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def rows_of(steps: Sequence[Step], stage: str, outcome: str = "kept") -> list[Row]:
    """The rows of one stage's file."""
    return [step.row for step in steps if step.stage == stage and step.outcome == outcome]


def first(rows: Sequence[Row]) -> Row:
    """The first row, or one without fields."""
    return rows[0] if rows else {}


# --- facts ---


def facts(steps: Sequence[Step]) -> tuple[Named, ...]:
    """What the collection states about the slice, and what was found of its picture."""
    catalogued = first(rows_of(steps, CATALOG))
    curated, described = first(rows_of(steps, CURATE)), first(rows_of(steps, DESCRIBE))
    row: dict[str, Any] = {**first([s.row for s in steps if s.stage == CATALOG]), **catalogued, **curated}
    mask = row.get("mask")
    lines = [
        ("Tumor type", shown(TumorType, row.get("tumor_type")), True),
        ("Label as the source spells it", row.get("source_label"), True),
        ("Sequence", shown(MRSequence, row.get("sequence")), True),
        ("Plane", shown(Plane, row.get("plane")), True),
        ("Size", _size(row), True),
        ("Pixel spacing", _lengths(row.get("spacing_mm")), True),
        ("Slice thickness", _lengths(row.get("thickness_mm")), True),
        ("Left edge of the picture", _side(row.get("display_left")), True),
        ("Part of the collection", row.get("split"), True),
        ("Patient, as the source names it", row.get("patient_id"), False),
        ("Mask", mask.get("kind") if isinstance(mask, dict) else ("none" if catalogued else None), True),
        ("Flags", ", ".join(str(f).replace("_", " ") for f in row.get("flags") or ()) or None, True),
        ("Notes of the catalogue", "; ".join(map(str, row.get("notes") or ())) or None, True),
        ("In words", described.get("description"), True),
        ("File", row.get("image_path"), False),
        ("Channel of the file", row.get("image_channel"), True),
        ("Slice of the volume", row.get("image_slice"), True),
        ("Sample id", row.get("sample_id"), False),
    ]
    return tuple(Named(name=n, value=as_text(v), tellable=t) for n, v, t in lines if v is not None)


def _size(row: Row) -> str | None:
    if row.get("width_px") is None:
        return None
    channels = row.get("channels")
    of = "1 channel" if channels == 1 else f"{channels} channels"
    return f"{row['width_px']} × {row.get('height_px')} px, {of}, {row.get('bit_depth')} bits"


def _lengths(value: Any) -> str | None:
    if value is None:
        return None
    return " × ".join(f"{one:g}" for one in (value if isinstance(value, list) else [value])) + " mm"


def _side(value: Any) -> str | None:
    return None if value is None else f"the patient's {value}"


def names_in(steps: Sequence[Step], members: Sequence[Row] = ()) -> tuple[str, ...]:
    """Paths, file names and ids made of them, of the slice and of its copies."""
    found: set[str] = set()
    for row in [*(step.row for step in steps), *members]:
        mask = row.get("mask")
        paths = [row.get("image_path"), row.get("mask_path"), mask.get("path") if isinstance(mask, dict) else None]
        for path in paths:
            if isinstance(path, str) and path:
                name = PurePosixPath(path)
                stems = (
                    name.stem,
                    name.name.partition(".")[0],
                    *(part for part in name.parts[:-1] if _has_digit(part)),
                )
                found.update((path, name.name, *(n for n in stems if _is_telling(n))))
        found.update(n for key in ("sample_id", "patient_id") if isinstance(n := row.get(key), str) and _is_telling(n))
    return tuple(sorted(found))


def _is_telling(name: str) -> bool:
    if len(name) >= UNNAMED_STEM:
        return True
    # "Y1" names a file, "12", "no" and "T1" are in any text.
    return _has_digit(name) and not name.isdigit() and recode(MRSequence, name) is None


def _has_digit(name: str) -> bool:
    """Whether a folder's name is rather that of a patient or a study than that of a class."""
    return any(one.isdigit() for one in name)


def way_parts(steps: Sequence[Step]) -> tuple[WayPart, ...]:
    """Every row with its fields; what is missing or empty is left out."""
    return tuple(
        WayPart(
            stage=step.stage,
            outcome=step.outcome,
            fields=tuple(
                Named(name=key, value=_told(key, value), tellable=key in TELLABLE)
                for key, value in step.row.items()
                if value not in (None, [], {})
            ),
        )
        for step in steps
    )


def _told(key: str, value: Any) -> str:
    return f"{value} ({shown(DropReason, value)})" if key == "reason" else as_text(value)


# --- labels ---


def label_table(steps: Sequence[Step]) -> LabelTable | None:
    """The readings beside each other, with the fused and the audited label; None before there is a reading."""
    readings = [(s.row, s.outcome) for s in steps if s.stage == READ and s.row.get("reader") is not None]
    fused, audited = first(rows_of(steps, FUSE)), first(rows_of(steps, AUDIT))
    if not readings and not fused and not audited:
        return None
    rows = []
    for field in LABEL_FIELDS:
        cells = tuple(_cell(row, field) for row, _ in readings)
        why = tuple(_reasons(field, fused, audited))
        line = LabelRow(
            field=FIELD_NAMES.get(field) or display(Sign(field)),
            readings=cells,
            fused=_cell(fused, field),
            audited=_cell(audited, field),
            differ=len({cell.text for cell in cells}) > 1,
            why=why,
        )
        rows.append(line)
    return LabelTable(
        readers=tuple(f"{row.get('kind') or 'reading'}: {row.get('reader')}" for row, _ in readings),
        rows=tuple(rows),
        remarks=tuple(_remarks(steps, [row for row, _ in readings], audited)),
    )


def _cell(row: Row, field: str) -> LabelCell:
    if not row:
        return LabelCell()
    if field == "lesion_found":
        found = row.get("lesion_found")
        text = "cannot tell" if found is None else "found" if found else "none found"
        return LabelCell(text=text, confidence=_share(row.get("lesion_confidence")))
    signs, sure = row.get("signs") or {}, row.get("confidences") or {}
    value = signs.get(field) if field in signs else row.get(field)
    confidence = sure.get(field) if field != "sequence_seen" else row.get("sequence_confidence")
    return LabelCell(text=shown(_TYPES.get(field), value), confidence=_share(confidence))


def _share(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _reasons(field: str, fused: Row, audited: Row) -> Iterator[str]:
    enum = _TYPES.get(field)
    for one in fused.get("disagreements") or ():
        if one.get("field") == field:
            said = " against ".join(shown(enum, v) or "nothing" for v in one.get("values") or ())
            kept = shown(enum, one.get("fused")) or "nothing"
            yield f"fusion: {said}, {kept} kept ({one.get('reason')})"
    for one in audited.get("changes") or ():
        if one.get("field") == field:
            after = shown(enum, one.get("after")) or "nothing"
            yield f"audit: {shown(enum, one.get('before'))} became {after} ({one.get('reason')})"


def _remarks(steps: Sequence[Step], readings: Sequence[Row], audited: Row) -> Iterator[str]:
    for row in readings:
        who = f"{row.get('kind') or 'reading'} ({row.get('reader')})"
        if row.get("error"):
            yield f"{who} failed"
        if row.get("abstained"):
            yield f"{who} left signs out: {row['abstained']}"
        if words := row.get("unrecognized"):
            yield f"{who} used words outside the vocabulary: {'; '.join(map(str, words))}"
    for stage, what in ((READ, "reading"), (FUSE, "fusion"), (AUDIT, "audit")):
        for row in rows_of(steps, stage, "dropped"):
            detail = f" ({row['detail']})" if row.get("detail") else ""
            yield f"{what} dropped the slice: {shown(DropReason, row.get('reason'))}{detail}"
        for row in rows_of(steps, stage, "quarantined"):
            yield f"{what} could not be done: {row.get('code')}"
    if audited.get("additional_clues"):
        yield f"additional clues: {audited['additional_clues']}"


# --- questions ---


def questions(steps: Sequence[Step], opened: Sequence[Row]) -> tuple[AskedQuestion, ...]:
    """The slice's questions after review, with what models answered; ``opened`` are rows of open questions."""
    answers: dict[tuple[Any, Any], list[ModelAnswer]] = {}
    closed = rows_of(steps, REVIEW)
    right = {(row.get("image_id"), row.get("q_index")): row.get("answer") for row in closed}
    for step in steps:
        if step.stage == PREDICT:
            key = (step.row.get("id"), step.row.get("q_index"))
            answers.setdefault(key, []).append(_answer(step, right.get(key)))
    found = []
    for row in closed:
        options = tuple(
            OfferedOption(
                letter=str(o.get("letter")), text=str(o.get("text")), right=o.get("letter") == row.get("answer")
            )
            for o in row.get("options") or ()
        )
        given = answers.get((row.get("image_id"), row.get("q_index")), ())
        found.append(_question("closed", row, options, None, row.get("label_source"), tuple(given)))
    for row in opened:
        where = ", ".join(map(str, row.get("label_sources") or ())) or None
        found.append(_question("open", row, (), str(row.get("reference_answer")), where, ()))
    return tuple(found)


def _question(
    kind: str,
    row: Row,
    options: tuple[OfferedOption, ...],
    answer: str | None,
    source: str | None,
    answers: tuple[ModelAnswer, ...],
) -> AskedQuestion:
    return AskedQuestion(
        kind=kind,
        sort=shown(QuestionType, row.get("question_type")) or "",
        text=str(row.get("question")),
        options=options,
        answer=answer,
        source=source,
        answers=answers,
    )


def _answer(step: Step, right: Any) -> ModelAnswer:
    row = step.row
    pred, raw = row.get("pred"), row.get("raw")
    return ModelAnswer(
        model=step.outcome,
        status=str(row.get("status")),
        answer=None if pred is None else str(pred),
        right=None if pred is None else pred == right,
        raw=None if raw is None else str(raw),
    )
