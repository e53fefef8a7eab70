"""Agreement of a room's readers in the first round, with each other and with the benchmark's own answers."""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from neuroonco import __version__
from neuroonco.resampling import RESAMPLES, SEED
from neuroonco.review.agreement_records import AgreementReport, AgreementRow
from neuroonco.review.agreement_rows import agreement_row
from neuroonco.review.ratings import Ratings, after_outline, ratings_of
from neuroonco.review.room import Room
from neuroonco.review.room_records import ReviewEvent

POOLED = "all"


def agreement_of(room: Room, *, resamples: int = RESAMPLES, seed: int = SEED) -> AgreementReport:
    """Agreement of all first-round judgements in force in a room.

    Args:
        resamples: of patients, groups of copies or images, for the intervals.
        seed: of the resamples; the same seed gives the same figures.

    Raises:
        PrerequisiteError: the extra ``review`` is not installed.
    """
    settings, last = room.settings(), _Last()
    outlined = after_outline(last.of(room.events()))  # first: what is judged meanwhile is in the next report again
    ratings = ratings_of(room.items(), room.states(), outlined)
    found = agreement(ratings, proposed_shown=settings.proposed_shown, resamples=resamples, seed=seed)
    known = {"benchmark_sha256": settings.benchmark_sha256, "last_seq": last.seq, "last_at": last.at}
    return found.model_copy(update=known)


class _Last:
    """The latest event of a stream that somebody else reads."""

    def __init__(self) -> None:
        self.seq = 0
        self.at: str | None = None

    def of(self, events: Iterable[ReviewEvent]) -> Iterator[ReviewEvent]:
        for event in events:
            self.seq, self.at = event.seq, event.at
            yield event


def agreement(
    ratings: Ratings,
    *,
    proposed_shown: bool = False,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> AgreementReport:
    """Agreement on all questions, on those of each type, and on those of each collection.

    Rows over several types take chance within each: excess and room of agreement are summed over types, weighted by
    their questions (alpha: by their ratings), and then divided. A type in which only one answer was ever given leaves
    chance no room and so has no weight. Compare Barlow, Lai and Azen, Stat Med 1991;10:1465-1472, who find weights by
    sample size moderately efficient; here a type's weight is its size times what chance leaves to agree on.

    Intervals are the middle of resamples of whole patients, groups of copies or images, drawn anew for each row
    from those that it has; see Kang et al., Stat Med 2013;32:3700-3719, for kappa of clustered ratings.
    """
    types, sources = np.array(ratings.types, object), np.array(ratings.sources, object)

    def row(name: str, rows: npt.NDArray[np.bool_]) -> AgreementRow:
        return agreement_row(name, ratings, np.flatnonzero(rows), resamples, seed)

    everything = np.ones(len(types), bool)
    return AgreementReport(
        version=__version__,
        proposed_shown=proposed_shown,
        readers=ratings.readers,
        assigned=ratings.assigned,
        questions=len(types),
        unit=ratings.unit,
        clusters=int(np.unique(ratings.cluster_of).size),
        resamples=resamples,
        seed=seed,
        pooled=row(POOLED, everything),
        by_type=tuple(row(kind, types == kind) for kind in ratings.categories),
        by_source=tuple(row(source, sources == source) for source in sorted(set(ratings.sources))),
    )
