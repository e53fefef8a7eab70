"""What people post: judgements and undos, checked field by field; what they typed is kept for the page that says so."""

import math
import re
from dataclasses import dataclass
from uuid import UUID

from starlette.datastructures import FormData

from neuroonco.build.records import ClosedItem
from neuroonco.errors import InputError
from neuroonco.review.judgement import judge
from neuroonco.review.records import Verdict
from neuroonco.review.room_records import Judgement, RejectReason, Round, Saved

MAX_ELAPSED_S = 86_400.0
_KEY = re.compile(r"q[0-9a-f]{16}")
_VERSION = re.compile(r"[0-9]{1,9}", re.ASCII)
ANSWER, UNANSWERABLE, REJECT = "answer:", "unanswerable", "reject"
"""Values of the field ``choice``; the first is followed by an option's letter."""


@dataclass(frozen=True)
class Typed:
    """What a person chose and typed, as it came, right or wrong.

    Attributes:
        choice: ``answer:`` and a letter, ``unanswerable``, ``reject``, or nothing.
        reason: a value of :class:`RejectReason`, or nothing.
        new_question, comment: with line feeds at the ends of lines.
    """

    choice: str = ""
    reason: str = ""
    new_question: str = ""
    comment: str = ""


@dataclass(frozen=True)
class PostedSave:
    """A posted save; which event it is to be, apart from what was judged.

    Attributes:
        based_on: version of the lane that the person saw.
        elapsed_s: None where the browser did not measure it.
    """

    round: Round
    based_on: int
    save_id: str
    elapsed_s: float | None


def is_key(text: str) -> bool:
    """Whether a text can be a question's key.

    >>> is_key("q0123456789abcdef"), is_key("q../../etc"), is_key("q0123456789abcdef" + chr(10))
    (True, False, False)
    """
    return _KEY.fullmatch(text) is not None


def parse_round(text: str | None, *, of: tuple[Round, ...] = (Round.FIRST, Round.SECOND)) -> Round | None:
    """A round by its name; the first of those allowed if none is named, None if another one is.

    >>> parse_round(None), parse_round("second"), parse_round("adjudication")
    (<Round.FIRST: 'first'>, <Round.SECOND: 'second'>, None)
    """
    return of[0] if text is None else next((one for one in of if one.value == text), None)


def parse_save(form: FormData, *, of: tuple[Round, ...] = (Round.FIRST, Round.SECOND)) -> PostedSave:
    """The fields ``round``, ``based_on``, ``save_id`` and ``elapsed_s`` that a page puts into its forms.

    Args:
        of: rounds that the page is about; a form without the field is about the first of them.

    Raises:
        InputError: ``FORM_INVALID``: not a form of ours.
    """
    round = parse_round(_field(form, "round") or None, of=of)
    based_on, save_id = _field(form, "based_on"), _save_id(_field(form, "save_id"))
    if round is None or save_id is None or not _VERSION.fullmatch(based_on):
        raise InputError("FORM_INVALID", "this form is not complete", fix="load the page anew")
    return PostedSave(round=round, based_on=int(based_on), save_id=save_id, elapsed_s=_elapsed(form))


def parse_typed(form: FormData) -> Typed:
    """What was chosen and typed: field ``choice``, or the fields ``answer`` or ``unanswerable`` in its place;
    ``reason``, ``new_question``, ``comment``."""
    choice, reason, answer = _field(form, "choice"), _field(form, "reason"), _field(form, "answer")
    if not choice and answer:
        choice = ANSWER + answer
    elif not choice and _field(form, "unanswerable"):
        choice = UNANSWERABLE
    elif not choice and reason:
        choice = REJECT
    return Typed(choice, reason, _lines(_field(form, "new_question")), _lines(_field(form, "comment")))


def judgement_of(typed: Typed, item: ClosedItem) -> Judgement:
    """The judgement that was posted.

    Raises:
        InputError: see :func:`neuroonco.review.judgement.judge`; ``REASON_MISSING``, ``REASON_UNKNOWN``,
            ``JUDGEMENT_SEVERAL``: a reason beside an answer.
    """
    if typed.reason and typed.reason not in set(RejectReason):
        raise InputError("REASON_UNKNOWN", "no such reason", fix="choose one of the list")
    if typed.choice == REJECT and not typed.reason:
        raise InputError("REASON_MISSING", "a rejected question needs a reason", fix="choose one of the list")
    if typed.choice != REJECT and typed.reason:
        fix = "choose 'reject' too, or no reason"
        raise InputError("JUDGEMENT_SEVERAL", "a reason to reject was chosen, and something else", fix=fix)
    letter = typed.choice.removeprefix(ANSWER) if typed.choice.startswith(ANSWER) else None
    if letter is None and typed.choice not in ("", UNANSWERABLE, REJECT):
        raise InputError("FORM_INVALID", "this form is not complete", fix="load the page anew")
    unchanged = typed.new_question.strip() == _lines(item.question).strip()
    return judge(
        item,
        answer=letter,
        unanswerable=typed.choice == UNANSWERABLE,
        reason=RejectReason(typed.reason) if typed.choice == REJECT else None,
        new_question=None if unchanged else typed.new_question,
        comment=typed.comment,
    )


def typed_of(judgement: Judgement | None) -> Typed:
    """A judgement as the form shows it.

    >>> typed_of(Judgement(verdict=Verdict.CHANGE, answer="B")).choice
    'answer:B'
    """
    if judgement is None:
        return Typed()
    if judgement.verdict is Verdict.REJECT:
        choice = REJECT
    else:
        choice = UNANSWERABLE if judgement.answer is None else ANSWER + judgement.answer
    return Typed(
        choice=choice,
        reason=judgement.reason.value if judgement.reason else "",
        new_question=judgement.new_question or "",
        comment=judgement.comment or "",
    )


def says_the_same(saved: Saved) -> bool:
    """Whether a save that came too late says, of the same person, exactly what is in force: there is no choice to make.

    Both saves are in the record all the same.
    """
    return saved.lane.judgement == saved.event.judgement and saved.lane.by == saved.event.reader


def _field(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _save_id(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None


def _elapsed(form: FormData) -> float | None:
    """Seconds before the reader's eyes; a browser's clock may say anything, so that nonsense is None."""
    try:
        value = float(_field(form, "elapsed_s"))
    except ValueError:
        return None
    return min(value, MAX_ELAPSED_S) if math.isfinite(value) and value >= 0 else None
