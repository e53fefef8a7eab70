"""A run's files as the index of the slices that can be browsed: only the columns that filters need are read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from neuroonco.browse.facets import Coded, Facet, Listed
from neuroonco.browse.index import NO_GROUP, SLICE_ID, SliceIndex, coded
from neuroonco.vocabulary import DropReason, MRSequence, Plane, QuestionType, Sign, TumorType, display, recode
from neuroonco.walk.browsing_masks import slices_of_masks
from neuroonco.walk.curation import GROUPS
from neuroonco.walk.folders import AUDIT, BUILD, CATALOG, CURATE, DESCRIBE, FUSE, MEASURE, PREDICT, READ, REVIEW

STAGES = (CATALOG, CURATE, MEASURE, DESCRIBE, READ, FUSE, AUDIT, BUILD, REVIEW)
NOT_STATED, NO_LABEL, NOT_CATALOGUED = "not_stated", "no_label", "not_catalogued"
SHOWN_NOT_STATED = "not stated"
FACET_NAMES = (
    *("source", "type", "sequence", "plane", "mask", "question"),
    *(sign.value for sign in Sign),
    *("reached", "dropped", "quarantined", "copies", "flag"),
)
"""Names of all filters in the order in which they are shown, whatever the run has."""
_SHAPE = r"^s[0-9a-f]{16}$"
_MISSING = pa.scalar(None, pa.string())


@dataclass
class _Gathering:
    """What is known while the files are read one after the other."""

    run: Path
    remarks: list[str] = field(default_factory=list)
    left_out: int = 0
    joined: dict[int, int] = field(default_factory=dict)
    ids: npt.NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))

    def table(self, stage: str, columns: Sequence[str], file: str = "records.parquet") -> pa.Table | None:
        """Some columns of a stage's file; None where the stage is not there or its file cannot be read now."""
        path = self.run / stage / file
        try:
            if not path.is_file():
                return None
            with pq.ParquetFile(path) as opened:
                found = opened.read(columns=list(columns), use_threads=False)
            found.validate(full=True)  # texts that are no text fail only when they are looked at
        except (pa.ArrowException, OSError, KeyError):
            self.remarks.append(f"{stage}/{file} cannot be read: it is torn, or being written")
            return None
        if missing := {column.partition(".")[0] for column in columns} - set(found.column_names):
            self.remarks.append(f"{stage}/{file} has no column {', '.join(sorted(missing))}")
            return None
        if wrong := [one.name for one in found.schema if not _is_as_written(one)]:
            self.remarks.append(f"{stage}/{file} has another kind of column {', '.join(wrong)}")
            return None
        return found

    def places(self, ids: pa.ChunkedArray) -> npt.NDArray[np.int64]:
        """Position of each id in the index; -1 for one that the catalogue does not have."""
        numbers, ours = numbers_of(ids)
        found = np.full(len(ours), -1, dtype=np.int64)
        if self.joined:
            numbers = np.array([self.joined.get(one, one) for one in numbers.tolist()], dtype=np.uint64)
        if len(self.ids):
            at = np.minimum(np.searchsorted(self.ids, numbers), len(self.ids) - 1)
            found[ours] = np.where(self.ids[at] == numbers, at, -1)
        return found


def _is_as_written(column: pa.Field) -> bool:
    """Whether a column is of the kind that is read here: a text, or what holds texts."""
    kind = column.type
    if column.name in ("mask", "signs"):
        return bool(pa.types.is_struct(kind))
    if column.name in ("flags", "members", "notes"):
        return bool(pa.types.is_list(kind))
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind))


def numbers_of(ids: pa.ChunkedArray) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.bool_]]:
    """The digits of slice ids as numbers, and which of the ids are slice ids at all.

    >>> numbers, ours = numbers_of(pa.chunked_array([["s00000000000000ff", "../etc", None]]))
    >>> numbers.tolist(), ours.tolist()
    ([255], [True, False, False])
    """
    ours = pc.fill_null(pc.match_substring_regex(ids.cast(pa.string()), _SHAPE), False)
    digits = pc.utf8_slice_codeunits(ids.filter(ours), 1, 17).to_pylist()
    numbers = np.frombuffer(bytes.fromhex("".join(digits)), dtype=">u8").astype(np.uint64)
    return numbers, np.asarray(ours, dtype=bool)


def read_index(run: Path) -> SliceIndex:
    """The index of a run, whole or not: a stage that is missing is one that no slice has reached.

    What is held for each slice is a few dozen bytes, see :attr:`neuroonco.browse.index.SliceIndex.nbytes`.
    """
    given = _Gathering(run)
    files = ("records.parquet", "dropped.parquet", "quarantined.parquet")
    catalogued = [given.table(CATALOG, ["slice_id"], file) for file in files]
    parts = [numbers_of(table["slice_id"]) for table in catalogued if table is not None]
    given.left_out = sum(int((~ours).sum()) for _, ours in parts)
    if parts:
        given.joined = _joined(given, catalogued[2])
        everything = np.unique(np.concatenate([numbers for numbers, _ in parts]))
        given.ids = everything[~np.isin(everything, np.array([*given.joined], dtype=np.uint64))]
    else:
        given.remarks.append("the run has no catalogue yet")
    facets = [facet for facet in _facets(given) if facet is not None]
    groups, group_ids = _groups(given)
    if groups is not None:
        pair = [("no", "no copy found"), ("yes", "in a group of copies")]
        facets.append(coded("copies", "Copies", (groups != NO_GROUP).astype(np.intp), pair))
    else:
        groups = np.full(len(given.ids), NO_GROUP, dtype=np.int32)
    order = {name: number for number, name in enumerate(FACET_NAMES)}
    facets.sort(key=lambda facet: order[facet.name])
    if absent := [stage for stage in STAGES if not (run / stage).is_dir()]:
        given.remarks.append(f"not reached by the run: {', '.join(absent)}")
    return SliceIndex(given.ids, tuple(facets), groups, group_ids, tuple(given.remarks), given.left_out)


def _joined(given: _Gathering, set_aside: pa.Table | None) -> dict[int, int]:
    """Numbers of masks that were set aside, and of their slices."""
    if set_aside is None or not set_aside.num_rows:
        return {}
    table = given.table(CATALOG, ["slice_id", "source_id", "image_path", "image_sha256", "notes"])
    if table is None:
        return {}
    noted = table.filter(pc.greater(pc.fill_null(pc.list_value_length(table["notes"]), 0), 0))
    pairs = slices_of_masks(noted.to_pylist(), set(set_aside["slice_id"].to_pylist()))
    return {int(mask[1:], 16): int(one[1:], 16) for mask, one in pairs.items() if SLICE_ID.match(one)}


def _facets(given: _Gathering) -> Iterator[Facet | None]:
    records = given.table(CATALOG, ["slice_id", "source_id", "tumor_type", "sequence", "plane", "mask.kind"])
    aside = [given.table(CATALOG, ["slice_id", "source_id"], f"{name}.parquet") for name in ("dropped", "quarantined")]
    curated = given.table(CURATE, ["slice_id", "tumor_type", "flags"])
    yield _single(given, "source", "Source", [*aside, records], "source_id", str)
    # What curation decided on a conflict stands above what the catalogue read.
    yield _single(given, "type", "Tumor type", [records, curated], "tumor_type", _shown_as(TumorType))
    yield _single(given, "sequence", "Sequence", [records], "sequence", _shown_as(MRSequence))
    yield _single(given, "plane", "Plane", [records], "plane", _shown_as(Plane))
    yield _masks(given, records)
    yield from _signs(given)
    yield _questions(given)
    yield _reached(given)
    yield _left(given, "dropped", "Dropped", "reason", _shown_as(DropReason))
    yield _left(given, "quarantined", "Quarantined", "code", str)
    if curated is not None:
        flat = curated["flags"].combine_chunks()
        rows = np.asarray(pc.list_parent_indices(flat))
        words = pc.list_flatten(flat)
        yield _several(given, "flag", "Flag", [(given.places(curated["slice_id"])[rows], words, "")], _plain)


def _shown_as(enum: type[StrEnum]) -> Callable[[str], str]:
    def shown(token: str) -> str:
        value = recode(enum, token)
        return token if value is None else display(value)

    return shown


def _plain(token: str) -> str:
    return token.replace("_", " ")


def _single(
    given: _Gathering,
    name: str,
    label: str,
    tables: Sequence[pa.Table | None],
    column: str,
    shown: Callable[[str], str],
) -> Coded:
    """One value a slice from tables of which a later one overrides an earlier one; without any: not stated."""
    words: dict[str, int] = {NOT_STATED: 0}
    values = np.zeros(len(given.ids), dtype=np.intp)
    for table in tables:
        if table is not None:
            _fill(values, given.places(table["slice_id"]), table[column], words)
    return _sorted(name, label, values, words, shown)


def _fill(values: npt.NDArray[np.intp], places: npt.NDArray[np.int64], column: Any, words: dict[str, int]) -> None:
    numbers = _numbered(column, words)
    there = places >= 0
    values[places[there]] = numbers[there]


def _numbered(column: Any, words: dict[str, int]) -> npt.NDArray[np.intp]:
    """Number of each word of a column; a missing one is that of ``not_stated``. New words are added."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = whole.cast(pa.string()).dictionary_encode()
    known = np.array([words.setdefault(w, len(words)) for w in encoded.dictionary.to_pylist()], dtype=np.intp)
    at = np.asarray(pc.fill_null(encoded.indices, -1), dtype=np.int64)
    return np.where(at >= 0, known[at] if len(known) else 0, words[NOT_STATED])


def _sorted(
    name: str, label: str, values: npt.NDArray[np.intp], words: dict[str, int], shown: Callable[[str], str]
) -> Coded:
    """Values in alphabetical order of what is shown, what is missing last."""
    last = {NOT_STATED: (1, SHOWN_NOT_STATED), NO_LABEL: (2, "no audited label")}
    by = sorted(words, key=lambda word: (last.get(word, (0, shown(word).casefold())), word))
    renamed = np.zeros(len(words), dtype=np.intp)
    for number, word in enumerate(by):
        renamed[words[word]] = number
    return coded(name, label, renamed[values], [(w, last[w][1] if w in last else shown(w)) for w in by])


def _masks(given: _Gathering, records: pa.Table | None) -> Coded:
    values = np.zeros(len(given.ids), dtype=np.intp)
    if records is not None:
        kinds = pc.struct_field(records["mask"], "kind")
        there = np.asarray(pc.is_valid(kinds).combine_chunks(), dtype=bool)
        places = given.places(records["slice_id"])
        values[places[there & (places >= 0)]] = 1
    return coded("mask", "Mask", values, [("no", "no mask"), ("yes", "with a mask")])


def _signs(given: _Gathering) -> Iterator[Coded]:
    table = given.table(AUDIT, ["slice_id", "signs"])
    if table is None:
        return
    places = given.places(table["slice_id"])
    there = {one.name for one in table["signs"].type if not pa.types.is_nested(one.type)}
    for sign in (one for one in Sign if one.value in there):
        words = {NO_LABEL: 0, NOT_STATED: 1}
        values = np.zeros(len(given.ids), dtype=np.intp)
        _fill(values, places, pc.struct_field(table["signs"], sign.value), words)
        yield _sorted(sign.value, display(sign), values, words, _sign_shown(sign))


def _sign_shown(sign: Sign) -> Callable[[str], str]:
    from neuroonco.vocabulary import SIGN_VALUES

    return _shown_as(SIGN_VALUES[sign])


def _questions(given: _Gathering) -> Listed | None:
    """What is asked about a slice: after review, else as built."""
    for stage in (REVIEW, BUILD):
        table = given.table(stage, ["slice_id", "question_type"])
        if table is not None:
            pairs = [(given.places(table["slice_id"]), table["question_type"].combine_chunks(), "")]
            return _several(given, "question", "Question asked", pairs, _shown_as(QuestionType))
    return None


def _reached(given: _Gathering) -> Coded:
    """The last stage that kept the slice, or for questions: kept one about it."""
    words = [(NOT_CATALOGUED, "not catalogued"), *((stage, stage) for stage in (*STAGES, PREDICT))]
    values = np.zeros(len(given.ids), dtype=np.intp)
    asked = np.zeros(0, dtype=np.int64)
    for number, stage in enumerate(STAGES, start=1):
        table = given.table(stage, ["slice_id"])
        if table is not None:
            asked = given.places(table["slice_id"])
            asked = asked[asked >= 0]
            values[asked] = number
    if (given.run / REVIEW).is_dir() and any((given.run / PREDICT).glob("*.jsonl")):
        values[asked] = len(words) - 1
    return coded("reached", "Came as far as", values, words)


def _left(given: _Gathering, name: str, label: str, column: str, shown: Callable[[str], str]) -> Listed:
    """At which stage, and why; ``stage:reason`` is one value."""
    parts = []
    for stage in STAGES:
        table = given.table(stage, ["slice_id", column], f"{name}.parquet")
        if table is not None:
            parts.append((given.places(table["slice_id"]), table[column].combine_chunks(), f"{stage}:"))

    def told(token: str) -> str:
        stage, _, word = token.partition(":")
        return f"{stage}: {shown(word)}"

    return _several(given, name, label, parts, told)


def _several(
    given: _Gathering,
    name: str,
    label: str,
    parts: Sequence[tuple[npt.NDArray[np.int64], Any, str]],
    shown: Callable[[str], str],
) -> Listed:
    """Any number of values a slice, from (positions, words, what is put before each word)."""
    found: dict[str, list[npt.NDArray[np.int64]]] = {}
    for places, column, before in parts:
        words = {NOT_STATED: 0}
        numbers = _numbered(column, words)
        for word, number in words.items():
            holders = places[(numbers == number) & (places >= 0)]
            if len(holders):
                found.setdefault(before + word, []).append(holders)
    tokens = tuple(sorted(found))
    holders = tuple(np.unique(np.concatenate(found[token])).astype(np.uint32) for token in tokens)
    return Listed(name, label, tokens, tuple(shown(token) for token in tokens), holders, len(given.ids))


def _groups(given: _Gathering) -> tuple[npt.NDArray[np.int32] | None, tuple[str, ...]]:
    """Number of each slice's group of copies, and the ids of the groups; None where copies are not known (yet)."""
    groups = np.full(len(given.ids), NO_GROUP, dtype=np.int32)
    table = given.table(CURATE, ["group_id", "members.list.element.slice_id"], GROUPS)
    if table is None:
        return None, ()
    if not table.num_rows:
        return groups, ()
    members = table["members"].combine_chunks()
    rows = np.asarray(pc.list_parent_indices(members))
    places = given.places(pa.chunked_array([pc.struct_field(pc.list_flatten(members), "slice_id")]))
    groups[places[places >= 0]] = rows[places >= 0]
    return groups, tuple(str(one) for one in table["group_id"].to_pylist())
