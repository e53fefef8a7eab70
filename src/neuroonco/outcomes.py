"""What becomes of a record in a stage: kept, dropped with a named reason, or quarantined with an error."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from neuroonco.errors import NeuroOncoError
from neuroonco.vocabulary import DropReason


class Record(BaseModel):
    """Base of everything that is stored: frozen, and unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)


class Dropped(Record):
    """A record left out on purpose, and why."""

    slice_id: str
    sample_id: str | None = None
    source_id: str | None = None
    image_path: str | None = None
    reason: DropReason
    detail: str | None = None


class Quarantined(Record):
    """A record that could not be processed, and the error that says why."""

    slice_id: str
    sample_id: str | None = None
    source_id: str | None = None
    image_path: str | None = None
    code: str
    message: str


R = TypeVar("R", bound=Record)


@dataclass
class StageOutcome(Generic[R]):
    """The three lists that every stage returns; nothing disappears between them."""

    kept: list[R] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)

    def extend(self, other: "StageOutcome[R]") -> None:
        """Append another outcome of the same stage, in order."""
        self.kept.extend(other.kept)
        self.dropped.extend(other.dropped)
        self.quarantined.extend(other.quarantined)

    def counts(self) -> dict[str, int]:
        """Numbers for the manifest and the summary line."""
        return {"kept": len(self.kept), "dropped": len(self.dropped), "quarantined": len(self.quarantined)}


def count_by(values: Iterable[str | None]) -> dict[str, int]:
    """Count values, most frequent first, ties by name; a missing value counts as ``(none)``.

    >>> count_by(["b", "a", "b", None])
    {'b': 2, '(none)': 1, 'a': 1}
    """
    counts: dict[str, int] = {}
    for value in values:
        key = "(none)" if value is None else value
        counts[key] = counts.get(key, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def quarantine(
    error: NeuroOncoError,
    *,
    slice_id: str,
    sample_id: str | None = None,
    source_id: str | None = None,
    image_path: str | None = None,
) -> Quarantined:
    """Turn an error into the record that keeps it."""
    message = "; ".join(part for part in (error.what, error.fix and f"fix: {error.fix}") if part)
    return Quarantined(
        slice_id=slice_id,
        sample_id=sample_id,
        source_id=source_id,
        image_path=image_path,
        code=error.code,
        message=message,
    )


class Identified(Protocol):
    """Anything that names its slice: every record of the walk from the catalogue to the description."""

    @property
    def slice_id(self) -> str:
        """Identity of the slice."""
        ...

    @property
    def sample_id(self) -> str:
        """The reference's id."""
        ...

    @property
    def source_id(self) -> str:
        """The collection's id."""
        ...

    @property
    def image_path(self) -> str:
        """Relative to the root."""
        ...


def quarantine_slice(error: NeuroOncoError, record: Identified) -> Quarantined:
    """Turn an error met on a slice into the record that keeps it."""
    return quarantine(
        error,
        slice_id=record.slice_id,
        sample_id=record.sample_id,
        source_id=record.source_id,
        image_path=record.image_path,
    )


def reasons(dropped: Sequence[Dropped]) -> dict[str, int]:
    """Count of drops by reason."""
    return count_by(d.reason.value for d in dropped)
