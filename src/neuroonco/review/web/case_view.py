"""What an adjudicator sees of a question: everything that was said of it, but nothing that names its file."""

from collections.abc import Sequence
from dataclasses import dataclass

from neuroonco.review.room_records import (
    EventKind,
    ItemState,
    Judgement,
    Lane,
    ModelNote,
    ReviewEvent,
    RoomItem,
    Round,
)
from neuroonco.review.web.comparing import Column, Piece, side_by_side, word_changes
from neuroonco.review.web.docket import STATUSES
from neuroonco.review.web.forms import REJECT, UNANSWERABLE, Typed, typed_of
from neuroonco.review.web.history import HistoryLine, history, judgement_in_words
from neuroonco.review.web.question_view import OptionView, options_of


@dataclass(frozen=True)
class Wording:
    """A new wording that somebody proposed.

    Attributes:
        by: everybody who did, in the order of the columns.
        pieces: laid over the original.
    """

    text: str
    by: tuple[str, ...]
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class CaseView:
    """A question on an adjudicator's page.

    Attributes:
        unanswerable_by, reject_by: readers whose latest judgement it is.
        columns: the readers' judgements, of both rounds.
        typed: what the form holds at first.
        wording: what its field for another wording holds at first.
        decided: the decision in force, in words; by whom and when; None as long as there is none.
        version: of the adjudication's lane; None as long as nothing may be decided.
        asks_mask: whether there is an outline, and this adjudicator has not asked for it yet.
        has_mask: whether there is an outline that may be asked for.
        notes: what models stated; empty until this adjudicator has asked for them.
        n_notes: how many there are.
        asks_models: whether there are notes that this adjudicator may ask for and has not asked for yet.
    """

    key: str
    status: str
    status_text: str
    question: str
    options: tuple[OptionView, ...]
    unanswerable_by: tuple[str, ...]
    reject_by: tuple[str, ...]
    columns: tuple[Column, ...]
    wordings: tuple[Wording, ...]
    history: tuple[HistoryLine, ...]
    typed: Typed
    wording: str
    decided: str | None
    decided_by: str | None
    decided_at: str | None
    version: int | None
    has_mask: bool
    asks_mask: bool
    notes: tuple[ModelNote, ...]
    n_notes: int
    asks_models: bool


def case_view(
    held: RoomItem,
    state: ItemState,
    lane: Lane | None,
    events: Sequence[ReviewEvent],
    *,
    adjudicator: str,
    typed: Typed | None = None,
) -> CaseView:
    """What one adjudicator sees.

    Args:
        lane: of the adjudication; None as long as the first round is not complete.
        events: all of the question, in order.
        adjudicator: who looks; what others have asked for is not shown to this one.
        typed: what was typed before, in place of what is saved.
    """
    item = held.item
    asked = {event.kind for event in events if event.reader == adjudicator}
    columns = side_by_side(item, state.lanes, events)
    latest = {column.reader: column.judgement for column in columns if column.judgement is not None}
    by: dict[str, tuple[str, ...]] = {}
    for reader, said in latest.items():
        choice = typed_of(said).choice
        by[choice] = (*by.get(choice, ()), reader)
    own = None if lane is None else lane.judgement
    form = typed if typed is not None else typed_of(own)
    sees_models = EventKind.MODELS_SHOWN in asked
    return CaseView(
        key=held.key,
        status=state.status.value,
        status_text=STATUSES[state.status],
        question=item.question,
        options=options_of(item, by, proposed_known=True),
        unanswerable_by=by.get(UNANSWERABLE, ()),
        reject_by=by.get(REJECT, ()),
        columns=tuple(columns),
        wordings=_wordings(item.question, columns, own, lane),
        history=tuple(history(item, events)),
        typed=form,
        wording=form.new_question or item.question,
        decided=None if own is None else judgement_in_words(item, own),
        decided_by=None if lane is None else lane.by,
        decided_at=None if lane is None else lane.at,
        version=None if lane is None else lane.version,
        has_mask=held.mask is not None and lane is not None,
        asks_mask=EventKind.MASK_SHOWN not in asked,
        notes=held.notes if sees_models else (),
        n_notes=len(held.notes),
        asks_models=bool(held.notes) and lane is not None and not sees_models,
    )


def _wordings(
    question: str, columns: Sequence[Column], decided: Judgement | None, lane: Lane | None
) -> tuple[Wording, ...]:
    said = [(column.reader, column.judgement, column.round) for column in columns]
    if decided is not None and lane is not None:
        said.append((lane.by or "", decided, Round.ADJUDICATION))
    found: dict[str, dict[str, None]] = {}
    for reader, judgement, _ in said:
        if judgement is not None and judgement.new_question is not None:
            found.setdefault(judgement.new_question, {})[reader] = None
    return tuple(Wording(text, tuple(by), word_changes(question, text)) for text, by in found.items())
