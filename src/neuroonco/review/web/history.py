"""What was done with a question, in words."""

from collections.abc import Iterable

from neuroonco.build.records import ClosedItem
from neuroonco.outcomes import Record
from neuroonco.review.room_records import REJECT_REASONS, EventKind, Judgement, ReviewEvent, Round
from neuroonco.review.web.comparing import VERDICTS, option_text

ROUNDS: dict[Round, str] = {
    Round.FIRST: "first round",
    Round.SECOND: "second round",
    Round.ADJUDICATION: "adjudication",
}
_SHOWN = {
    EventKind.MASK_SHOWN: "had the outline of the lesion shown",
    EventKind.PEERS_SHOWN: "was shown the other readers' judgements",
    EventKind.MODELS_SHOWN: "had the models' notes shown",
}


class HistoryLine(Record):
    """One event of a question.

    Attributes:
        number: order among all events of the room.
        in_words: without name, round and time.
    """

    number: int
    at: str
    person: str
    round: str
    in_words: str


def history(item: ClosedItem, events: Iterable[ReviewEvent]) -> list[HistoryLine]:
    """All events of a question, in order."""
    return [
        HistoryLine(
            number=event.seq,
            at=event.at,
            person=event.reader,
            round=ROUNDS[event.round],
            in_words=_event_in_words(item, event),
        )
        for event in events
    ]


def _event_in_words(item: ClosedItem, event: ReviewEvent) -> str:
    if event.kind is EventKind.UNDONE:
        return "took the judgement back" if event.undoes is None else f"took back number {event.undoes}"
    if event.kind in _SHOWN:
        return _SHOWN[event.kind]
    said = "nothing" if event.judgement is None else judgement_in_words(item, event.judgement)
    if event.kind is EventKind.CONFLICTED:
        said = f"came too late; kept, but not in force: {said}"
    return said if event.elapsed_s is None else f"{said}; after {duration(event.elapsed_s)}"


def judgement_in_words(item: ClosedItem, judgement: Judgement) -> str:
    """A judgement in one line; its texts in quotation marks, as they were written.

    >>> from neuroonco.build.records import ClosedItem, Option
    >>> from neuroonco.review.records import Verdict
    >>> item = ClosedItem(image_id="i", q_index=0, slice_id="s", image_path="i.png", question_type="diagnosis",
    ...     question="What?", options=(Option(letter="A", text="Glioma"),), answer="A", label_source="source")
    >>> judgement_in_words(item, Judgement(verdict=Verdict.ACCEPT, answer="A", comment="Ring."))
    "accepts the benchmark's answer: A. Glioma; comment: “Ring.”"
    """
    parts = [VERDICTS[judgement.verdict]]
    detail = option_text(item, judgement.answer) or (REJECT_REASONS[judgement.reason] if judgement.reason else None)
    if detail is not None:
        parts[0] += f": {detail}"
    if judgement.new_question is not None:
        parts.append(f"new wording: “{judgement.new_question}”")
    if judgement.comment is not None:
        parts.append(f"comment: “{judgement.comment}”")
    return "; ".join(parts)


def duration(seconds: float | None) -> str:
    """A time span as people read it; ``none`` where there is none.

    >>> duration(None), duration(0.4), duration(59.6), duration(3725)
    ('none', '0 s', '1 min 00 s', '1 h 02 min')
    """
    if seconds is None:
        return "none"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
