"""All facts of many slices as arrays: a few dozen bytes a fact, so that the whole of a collection can be planned."""

from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from neuroonco.audit.records import AuditedLabel
from neuroonco.build.facts import facts
from neuroonco.build.groups import first_rows, group_name, key_hashes
from neuroonco.store import sha256_text
from neuroonco.vocabulary import TumorType

UNTYPED = "unlabeled"
"""Class of a slice whose source states no tumor type."""


@dataclass(frozen=True)
class FactIndex:
    """Facts by slice, in the order of the slice ids. A row is a slice's number here.

    Attributes:
        seed: of :attr:`order`.
        slice_ids: of each row, ascending.
        repeated: slices with more than one label; they have no row.
        starts: (rows + 1) where each row's facts begin, in the order of :func:`neuroonco.build.facts.facts`.
        slice_of_fact: row of each fact.
        wording_of_fact, answer_of_fact: index into ``wordings`` and ``answers``.
        order: a seeded number for each fact: what is drawn from facts takes the lowest.
        class_of_slice, source_of_slice, stratum_of_slice: index into ``classes``, ``sources``, ``strata``; a stratum is
            a source and a sequence.
        is_whole: of each row: False for a channel of a file.
        first_of_group: first row of each row's group.
    """

    seed: int
    slice_ids: list[str]
    repeated: frozenset[str]
    starts: NDArray[np.int64]
    slice_of_fact: NDArray[np.int32]
    wording_of_fact: NDArray[np.int16]
    answer_of_fact: NDArray[np.int16]
    order: NDArray[np.uint64]
    class_of_slice: NDArray[np.int16]
    source_of_slice: NDArray[np.int32]
    stratum_of_slice: NDArray[np.int32]
    is_whole: NDArray[np.bool_]
    first_of_group: NDArray[np.int32]
    wordings: tuple[str, ...]
    answers: tuple[StrEnum, ...]
    classes: tuple[str, ...]
    sources: tuple[str, ...]
    strata: tuple[str, ...]

    @property
    def slice_count(self) -> int:
        """How many rows there are."""
        return len(self.slice_ids)

    @property
    def fact_count(self) -> int:
        """How many facts there are."""
        return len(self.slice_of_fact)

    def of_slice(self, row: int) -> range:
        """The facts of one row."""
        return range(int(self.starts[row]), int(self.starts[row + 1]))

    def group(self, row: int) -> str:
        """Opaque id of the patient or duplicate group of one row."""
        return group_name(self.slice_ids[self.first_of_group[row]])

    def rows(self, labels: Iterable[AuditedLabel]) -> Iterator[tuple[int, AuditedLabel]]:
        """Labels with their rows; without those of repeated slices.

        Args:
            labels: those that were indexed, in the same order.
        """
        row = 0
        for label in labels:
            if label.slice_id not in self.repeated:
                yield row, label
                row += 1


@dataclass(frozen=True)
class Entry:
    """What is indexed of one slice.

    Attributes:
        facts: wording and answer of each.
        keys: what joins it to other slices, see :mod:`neuroonco.build.groups`.
    """

    slice_id: str
    facts: Sequence[tuple[str, StrEnum]]
    tumor_class: str
    source_id: str
    sequence: str
    is_whole: bool
    keys: Sequence[int]


def index_labels(labels: Iterable[AuditedLabel], seed: int) -> FactIndex:
    """Index labels in one pass.

    Args:
        labels: ordered by slice id, see :mod:`neuroonco.build.labels`.
        seed: of every draw from the facts.

    Raises:
        ValueError: the labels are not in order, or can be read only once.
    """
    if iter(labels) is labels:
        raise ValueError("labels are read more than once: pass a list or a LabelFile, not an iterator")
    repeated: set[str] = set()
    return index_entries((_entry(label) for label in _once(labels, repeated)), seed, repeated)


def index_entries(entries: Iterable[Entry], seed: int, repeated: Collection[str] = ()) -> FactIndex:
    """Index slices, ordered by their ids.

    Args:
        entries: one a slice.
        seed: of every draw from the facts.
        repeated: slices that were left out for having more than one label; read when the entries are exhausted.
    """
    build = _Building(seed)
    for entry in entries:
        build.add(entry)
    return build.finish(frozenset(repeated))


def _entry(label: AuditedLabel) -> Entry:
    record = label.slice
    return Entry(
        slice_id=label.slice_id,
        facts=[(fact.wording, fact.value) for fact in facts(label)],
        tumor_class=class_of(record.tumor_type),
        source_id=record.source_id,
        sequence="unknown" if record.sequence is None else record.sequence.value,
        is_whole=record.is_whole_file,
        keys=key_hashes(label),
    )


def _once(labels: Iterable[AuditedLabel], repeated: set[str]) -> Iterator[AuditedLabel]:
    """Labels whose slice has one label; two labels of one slice are a matter for a person."""
    held: AuditedLabel | None = None
    for label in labels:
        if held is not None:
            if label.slice_id < held.slice_id:
                raise ValueError(f"{label.slice_id} after {held.slice_id}: labels are not in order")
            if label.slice_id == held.slice_id:
                repeated.add(label.slice_id)
            elif held.slice_id not in repeated:
                yield held
        held = label
    if held is not None and held.slice_id not in repeated:
        yield held


class _Codes:
    """Numbers for names, in the order in which they come."""

    def __init__(self) -> None:
        self.of: dict[tuple[str, str], int] = {}
        self.values: list[StrEnum | str] = []

    def code(self, value: StrEnum | str) -> int:
        key = (type(value).__name__, str(value))  # two groups of terms may share a token
        if key not in self.of:
            self.of[key] = len(self.values)
            self.values.append(value)
        return self.of[key]

    def names(self) -> tuple[str, ...]:
        return tuple(str(value) for value in self.values)


class _Building:
    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.slice_ids: list[str] = []
        self.starts = array("q", [0])
        self.wording, self.answer, self.order = array("h"), array("h"), array("Q")
        self.tumor, self.source, self.stratum, self.whole = array("h"), array("i"), array("i"), array("b")
        self.key_row, self.key = array("i"), array("Q")
        self.wordings, self.answers = _Codes(), _Codes()
        self.classes, self.sources, self.strata = _Codes(), _Codes(), _Codes()
        self.answers.code(TumorType.TUMOR)  # a typed tumor may be asked abnormal or healthy

    def add(self, entry: Entry) -> None:
        row = len(self.slice_ids)
        self.slice_ids.append(entry.slice_id)
        for wording, answer in entry.facts:
            self.wording.append(self.wordings.code(wording))
            self.answer.append(self.answers.code(answer))
            self.order.append(order_of(self.seed, entry.slice_id, wording))
        self.starts.append(len(self.wording))
        self.tumor.append(self.classes.code(entry.tumor_class))
        self.source.append(self.sources.code(entry.source_id))
        self.stratum.append(self.strata.code(f"{entry.source_id}|{entry.sequence}"))
        self.whole.append(entry.is_whole)
        for key in entry.keys:
            self.key_row.append(row)
            self.key.append(key)

    def finish(self, repeated: frozenset[str]) -> FactIndex:
        starts = np.array(self.starts, np.int64)
        rows = np.arange(len(self.slice_ids), dtype=np.int32)
        first = first_rows(np.array(self.key_row, np.int32), np.array(self.key, np.uint64), len(self.slice_ids))
        return FactIndex(
            seed=self.seed,
            slice_ids=self.slice_ids,
            repeated=repeated,
            starts=starts,
            slice_of_fact=np.repeat(rows, np.diff(starts)),
            wording_of_fact=np.array(self.wording, np.int16),
            answer_of_fact=np.array(self.answer, np.int16),
            order=np.array(self.order, np.uint64),
            class_of_slice=np.array(self.tumor, np.int16),
            source_of_slice=np.array(self.source, np.int32),
            stratum_of_slice=np.array(self.stratum, np.int32),
            is_whole=np.array(self.whole, np.int8).astype(bool),
            first_of_group=first,
            wordings=self.wordings.names(),
            answers=_terms(self.answers.values),
            classes=self.classes.names(),
            sources=self.sources.names(),
            strata=self.strata.names(),
        )


def class_of(tumor_type: TumorType | None) -> str:
    """Class of a slice as statistics and caps name it."""
    return UNTYPED if tumor_type is None else tumor_type.value


def order_of(seed: int, slice_id: str, wording: str) -> int:
    """The seeded number of one question: 64 bits that depend on nothing else."""
    return int(sha256_text(str(seed), "order", slice_id, wording)[:16], 16)


def _terms(values: Sequence[StrEnum | str]) -> tuple[StrEnum, ...]:
    return tuple(value for value in values if isinstance(value, StrEnum))
