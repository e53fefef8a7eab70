"""How much of what goes into instruction data: caps by question type, tumor class and source."""

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from neuroonco import store
from neuroonco.build.index import UNTYPED, FactIndex
from neuroonco.build.instruct.wordings import question_type_of
from neuroonco.errors import InputError
from neuroonco.outcomes import Record
from neuroonco.seeded import remixed
from neuroonco.vocabulary import QuestionType, TumorType

DEFAULT = "default"
"""In a table of caps: the cap of everything that the table does not name."""
CLASSES = (*(str(value) for value in TumorType), UNTYPED)
Cap = Annotated[int, Field(ge=0)]


class Mixture(Record):
    """At most so many facts are asked. Facts are counted, not pairs: each makes an open one and up to two closed ones.

    In each table the key ``default`` caps what the table does not name; what neither names is not capped.

    Attributes:
        types: by question type.
        classes: by tumor class of the slice; ``unlabeled`` where the source states no type.
        sources: by id of the source.
        seed: of the draw; None takes that of the instructions.
    """

    types: dict[str, Cap] = Field(default_factory=dict)
    classes: dict[str, Cap] = Field(default_factory=dict)
    sources: dict[str, Cap] = Field(default_factory=dict)
    seed: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _names_are_known(self) -> "Mixture":
        for table, names, known in (
            ("types", self.types, [str(value) for value in QuestionType]),
            ("classes", self.classes, CLASSES),
        ):
            if unknown := sorted(set(names) - {*known, DEFAULT}):
                raise ValueError(_unknown(table, unknown[0], known))
        return self

    def unknown_source(self, known: Collection[str]) -> str | None:
        """What is wrong with a cap on a source that nobody knows, as it would silently do nothing; None if nothing is.

        >>> Mixture(sources={"61": 3}).unknown_source(["05", "16"])
        "[mixture.sources] has no '61'; known are 05, 16 and default"
        """
        unknown = sorted(set(self.sources) - {*known, DEFAULT})
        return _unknown("sources", unknown[0], sorted(known)) if unknown else None


def _unknown(table: str, name: str, known: Collection[str]) -> str:
    return f"[mixture.{table}] has no {name!r}; known are {', '.join(known)} and {DEFAULT}"


def load_mixture(path: Path) -> Mixture:
    """Read the table ``[mixture]`` of a TOML file, the same as in a profile.

    Raises:
        InputError: the file cannot be read, or is no mixture.
    """
    try:
        document = tomllib.loads(store.read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise InputError("MIXTURE_BROKEN", str(error), where=str(path), fix="see docs/instructions.md") from None
    if list(document) != ["mixture"] or not isinstance(document["mixture"], dict):
        what = "expected one table [mixture] and nothing else"
        raise InputError("MIXTURE_INVALID", what, where=str(path), fix="see docs/instructions.md")
    try:
        return Mixture.model_validate(document["mixture"])
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in ("mixture", *first["loc"]))
        what = first["msg"].removeprefix("Value error, ")
        raise InputError("MIXTURE_INVALID", f"{field}: {what}", where=str(path)) from None


def admit(index: FactIndex, mixture: Mixture, rows: NDArray[np.bool_], seed: int) -> NDArray[np.bool_]:
    """Which facts may be asked.

    Facts are taken in a seeded order, and each is asked if its type, its class and its source all have room: no cap is
    exceeded, and no further fact could be asked without exceeding one.

    Args:
        index: the facts.
        mixture: the caps.
        rows: (slices) of which something may be asked at all.
        seed: of the order, where the mixture has none of its own.

    Returns:
        (facts) True where a fact of those slices may be asked.
    """
    allowed = rows[index.slice_of_fact]
    capped = _capped(index, mixture)
    if not capped:
        return allowed
    facts = np.flatnonzero(allowed & np.any([(caps >= 0)[codes] for codes, caps in capped], axis=0))
    # One more: the plan draws rejection items by the order of 0, and what is admitted must not be what is drawn there.
    seeded = remixed(index.order[facts], 1 + (seed if mixture.seed is None else mixture.seed))
    facts = facts[np.lexsort((facts, seeded))]
    admitted = allowed.copy()
    admitted[facts] = False
    room = [caps.tolist() for _, caps in capped]
    for fact, *groups in zip(facts.tolist(), *(codes[facts].tolist() for codes, _ in capped), strict=True):
        if all(left[group] for left, group in zip(room, groups, strict=True)):  # -1 is no cap and never used up
            admitted[fact] = True
            for left, group in zip(room, groups, strict=True):
                if left[group] > 0:
                    left[group] -= 1
    return admitted


def _capped(index: FactIndex, mixture: Mixture) -> list[tuple[NDArray[np.intp], NDArray[np.int64]]]:
    """For each table that caps anything: group of each fact, and cap of each group, -1 for none."""
    types = [str(kind) for kind in QuestionType]
    type_of_wording = np.array([types.index(question_type_of(name)) for name in index.wordings], np.intp)
    found = []
    if mixture.types and index.fact_count:
        found.append((type_of_wording[index.wording_of_fact], _caps(types, mixture.types)))
    if mixture.classes:
        found.append((_of_facts(index, index.class_of_slice), _caps(index.classes, mixture.classes)))
    if mixture.sources:
        found.append((_of_facts(index, index.source_of_slice), _caps(index.sources, mixture.sources)))
    return found


def _of_facts(index: FactIndex, of_slice: NDArray[np.int16] | NDArray[np.int32]) -> NDArray[np.intp]:
    return of_slice[index.slice_of_fact].astype(np.intp)


def _caps(names: Collection[str], table: Mapping[str, int]) -> NDArray[np.int64]:
    return np.array([table.get(name, table.get(DEFAULT, -1)) for name in names], np.int64)
