"""What a folder of pages that is made to be shared leaves out."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from neuroonco.browse.archive import Terms
from neuroonco.browse.facets import Facet, Listed, Positions
from neuroonco.browse.index import SliceIndex, coded
from neuroonco.browse.records import AskedQuestion, LabelCell, LabelTable, ModelAnswer, Named, SlicePage, WayPart

LEFT_OUT = "(left out: it may name a file)"
WITHHELD, SHOWN_WITHHELD = "withheld", "not passed on"
ALWAYS_TOLD = ("source", "reached")
"""Filters whose values stay where the terms permit no facts: that slices exist may be said."""
_FILE = re.compile(
    r"[/\\]|%2f|%5c|\.(?:jpe?g|png|bmp|tiff?|gif|webp|nii|gz|zip|mat|npy|npz|h5|hdf5|mha|mhd|nrrd|hdr|img|dcm|txt|csv|xml"
    r"|json|jsonl|parquet)\b",
    re.IGNORECASE,
)
"""What paths and file names have, whatever they are called."""
_MODEL = re.compile(r"[\w.:+@ -]*[\w.+@-](/[\w.:+@-]+)?")
"""Names of models have an owner before a slash; with more than that they are folders on a machine."""
SHORT = 5
"""Names of fewer characters are looked for as whole words: anywhere in a text they are found by chance."""


def tellable(text: str, names: Sequence[str] = ()) -> bool:
    """Whether a text from data may be shared: it looks like no path, and holds none of the names that are known.

    >>> tellable("flip left-right"), tellable("copy of 02/yes/Y1.png"), tellable("as in Y1_scan", ["y1_scan"])
    (True, False, False)
    >>> tellable("copy of Y1", ["y1"]), tellable("copy of Y12", ["y1"])
    (False, True)
    """
    # Letters that look alike, or are put together of two, are one letter in the names of files, too.
    folded = _folded(text)
    return _FILE.search(folded) is None and not any(_is_named(_folded(name), folded) for name in names)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _is_named(name: str, text: str) -> bool:
    if name not in text:
        return False
    return len(name) >= SHORT or re.search(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", text) is not None


def shared_page(page: SlicePage, terms: Terms, *, with_paths: bool = False) -> SlicePage:
    """A page without paths, names of files, ids of patients, and what the terms forbid to pass on.

    Args:
        page: as the owner of the run sees it.
        terms: what of the slice may be passed on.
        with_paths: leave paths, names and ids where they are, as far as facts may be passed on at all.
    """
    known = page.names
    missing = page.missing or (None if terms.picture else terms.reason)
    if with_paths and terms.facts:
        return page.model_copy(update={"missing": missing})

    def told(text: str | None) -> str | None:
        return text if text is None or tellable(text, known) else LEFT_OUT

    if not terms.facts:
        # Which pictures are copies, and how alike they are, was read from their pixels.
        return SlicePage(
            slice_id=page.slice_id,
            source_id=page.source_id,
            source=page.source,
            facts=(),
            missing=missing,
            withheld=terms.reason,
        )
    neighbors = tuple(
        one.model_copy(update={"path": None, "transform": told(one.transform), "split": told(one.split)})
        for one in page.neighbors
    )
    return page.model_copy(
        update={
            "facts": _named(page.facts, known),
            "missing": missing,
            "way": tuple(
                WayPart(stage=p.stage, outcome=told(p.outcome) or "", fields=_named(p.fields, known)) for p in page.way
            ),
            "labels": None if page.labels is None else _labels(page.labels, known),
            "questions": tuple(_question(one, known) for one in page.questions),
            "neighbors": neighbors,
            "names": (),
        }
    )


def _named(lines: Sequence[Named], names: Sequence[str]) -> tuple[Named, ...]:
    return tuple(
        line if tellable(line.value, names) else line.model_copy(update={"value": LEFT_OUT})
        for line in lines
        if line.tellable
    )


def _labels(table: LabelTable, names: Sequence[str]) -> LabelTable:
    def told(text: str) -> str:
        return text if tellable(text, names) else LEFT_OUT

    def cell(one: LabelCell) -> LabelCell:
        return one if one.text is None else one.model_copy(update={"text": told(one.text)})

    rows = tuple(
        row.model_copy(
            update={
                "readings": tuple(map(cell, row.readings)),
                "fused": cell(row.fused),
                "audited": cell(row.audited),
                "why": tuple(map(told, row.why)),
            }
        )
        for row in table.rows
    )
    readers = tuple(text if tellable(text, names) else "reading" for text in table.readers)
    return LabelTable(readers=readers, rows=rows, remarks=tuple(map(told, table.remarks)))


def _question(question: AskedQuestion, names: Sequence[str]) -> AskedQuestion:
    """Wordings and options are the benchmark's; what models said may hold anything."""

    def answered(one: ModelAnswer) -> ModelAnswer:
        texts = {"raw": one.raw, "answer": one.answer, "status": one.status}
        clean = {key: t if t is None or tellable(t, names) else LEFT_OUT for key, t in texts.items()}
        return one.model_copy(update={**clean, "model": one.model if _MODEL.fullmatch(one.model) else LEFT_OUT})

    texts = {"text": question.text, "answer": question.answer, "sort": question.sort, "source": question.source}
    clean = {key: t if t is None or tellable(t, names) else LEFT_OUT for key, t in texts.items()}
    options = tuple(o if tellable(o.text, names) else o.model_copy(update={"text": LEFT_OUT}) for o in question.options)
    return question.model_copy(
        update={**clean, "options": options, "answers": tuple(answered(one) for one in question.answers)}
    )


def shared_index(index: SliceIndex, hidden: Positions, *, with_paths: bool = False) -> SliceIndex:
    """The index without the values of slices of which no facts may be passed on, and without values like paths."""
    facets = tuple(f if f.name in ALWAYS_TOLD or not len(hidden) else _without(f, hidden) for f in index.facets)
    if not with_paths:
        facets = tuple(map(_without_paths, facets))
    left = SliceIndex(index.ids, facets, index.groups, index.group_ids, index.remarks, index.left_out)
    return left.at(np.arange(len(index), dtype=np.uint32))  # values that only hidden slices had go, too


def _without_paths(facet: Facet) -> Facet:
    bare = [tellable(shown) and tellable(token) for token, shown in zip(facet.tokens, facet.displays, strict=True)]
    tokens = tuple(t if b else f"left-out-{n}" for n, (t, b) in enumerate(zip(facet.tokens, bare, strict=True)))
    displays = tuple(d if b else LEFT_OUT for d, b in zip(facet.displays, bare, strict=True))
    return replace(facet, tokens=tokens, displays=displays)


def _without(facet: Facet, hidden: Positions) -> Facet:
    if isinstance(facet, Listed):
        kept = tuple(holders[~np.isin(holders, hidden)] for holders in facet.holders)
        return Listed(facet.name, facet.label, facet.tokens, facet.displays, kept, facet.size)
    words = [*zip(facet.tokens, facet.displays, strict=True), (WITHHELD, SHOWN_WITHHELD)]
    codes = facet.codes.astype("intp")
    codes[hidden] = len(words) - 1
    return coded(facet.name, facet.label, codes, words)
