"""Drafts of instruction data without a model: the wordings of ``prompts/questions.toml``, chosen by a hash.

Which wording a question gets depends on the seed, the slice and what is asked, never on the answer. What an explanation
says comes from the label alone; a diagnosis is set beside the features that the slice shows and not deduced from them.
Clauses are fitted to the number of foci: nothing is the largest of one, and of several there is no "the lesion".
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from functools import cache

from neuroonco.audit.records import AuditedLabel
from neuroonco.build.facts import Fact
from neuroonco.build.instruct.records import TEMPLATES, ClosedDraft, Draft, OpenDraft
from neuroonco.build.instruct.wordings import ABNORMAL_OR_HEALTHY, asked_of, asked_openly, wording_name_of
from neuroonco.build.records import ClosedItem
from neuroonco.prompts import load_wordings
from neuroonco.store import sha256_text
from neuroonco.vocabulary import LesionSpread, MRSequence, QuestionType, TumorType

OF_SEVERAL_FACTS = ("extent", "appearance", "reasoning")
"""Open questions about several facts that are asked beside those about one."""
MOST_FEATURES = 4
"""So many features are named beside a diagnosis: a report names what matters, not all that is known."""
_LOOKED_AT = re.compile(r"\b(?:slice|image|picture|displayed|shown|MRI?)\b")
_TOTAL = re.compile(r"\btotal\b")
_THE_LESION = re.compile(r"\bthe lesion\b")
_OF_ONE = re.compile(r"\b(?:its?|the lesion)\b")
_ADVERBIAL = re.compile(r"(?:in|after|around|next|relative|with|compared|measured)\b")
_PRONOUN = re.compile(r"\bits?\b")
_LESION = re.compile(r"\blesions?\b")
_PLACES = ("location", "location_in_head")


def draft(label: AuditedLabel, facts: Sequence[Fact], items: Sequence[ClosedItem], seed: int) -> Draft:
    """Word the questions of one slice.

    Args:
        label: of the slice.
        facts: all that may be said of it, see :func:`neuroonco.build.facts.facts`.
        items: its closed questions.
        seed: of the choice of wordings.

    Returns:
        An open draft for each fact that is asked openly (see :func:`~neuroonco.build.instruct.wordings.asked_openly`)
        and for each description that the facts allow, a closed draft for each item.
    """
    chooser = _Chooser(seed, label.slice_id)
    spread = _spread_of(facts)
    opened = [_open(fact, spread, chooser) for fact in asked_openly(facts, items)]
    opened += [one for name in OF_SEVERAL_FACTS if (one := _described(name, facts, chooser)) is not None]
    closed = [_closed(item, facts, chooser) for item in items]
    return Draft(slice_id=label.slice_id, writer=TEMPLATES, open=tuple(opened), closed=tuple(closed))


class _Chooser:
    """Chooses among wordings for one slice."""

    def __init__(self, seed: int, slice_id: str) -> None:
        self._start = (str(seed), slice_id)

    def number(self, wording: str, purpose: str) -> int:
        return int(sha256_text(*self._start, wording, purpose)[:12], 16)

    def one(self, choices: Sequence[str], wording: str, purpose: str) -> str:
        return choices[self.number(wording, purpose) % len(choices)]

    def question(self, stems: Sequence[str], wording: str, purpose: str) -> str:
        """One of the stems; every other time with a lead, if it does not say itself what is looked at."""
        stem = self.one(stems, wording, purpose)
        leads = load_wordings().leads
        place = self.number(wording, f"lead of {purpose}") % (2 * len(leads))
        return stem if place >= len(leads) or _LOOKED_AT.search(stem) else f"{leads[place]} {stem}"


def _open(fact: Fact, spread: LesionSpread | None, chooser: _Chooser) -> OpenDraft:
    question = chooser.question(load_wordings().closed[fact.wording].open_stems, fact.wording, "open question")
    answer = chooser.one(_clauses(fact.wording, fact.value, spread), fact.wording, "open answer")
    return OpenDraft(wording=fact.wording, question=question, answer=f"{_capital(answer)}.")


def _described(name: str, facts: Sequence[Fact], chooser: _Chooser) -> OpenDraft | None:
    """A description of several facts, with the diagnosis where the question asks for it; None for too few facts."""
    wording = load_wordings().open[name]
    known = {fact.wording: fact for fact in facts}
    stated = [known[one] for one in wording.about if one in known]
    if len(stated) < max(2, wording.at_least) or any(one not in known for one in wording.needs):
        return None
    question = chooser.question(wording.stems, name, "open question")
    spread = _spread_of(facts)
    features = [fact for fact in stated if fact.question_type is not QuestionType.DIAGNOSIS]
    if len(features) == len(stated):
        listed = _capital(_listed(features, spread, name, chooser))
        return OpenDraft(wording=name, question=question, answer=f"{listed}.")
    fact = stated[0]
    frame = chooser.one(load_wordings().reasons["described"].plain, name, "frame")
    clause = chooser.one(_clauses(fact.wording, fact.value, spread), name, "open answer")
    listed = _some(features, spread, name, chooser)
    return OpenDraft(wording=name, question=question, answer=_filled(frame, clause, listed))


def _closed(item: ClosedItem, facts: Sequence[Fact], chooser: _Chooser) -> ClosedDraft:
    name = wording_name_of(item)
    place = f"{name} {item.q_index}"
    question = chooser.question(load_wordings().closed[name].stems, place, "closed question")
    explanation = _explanation(item, name, facts, _Place(chooser, place))
    return ClosedDraft(q_index=item.q_index, question=question, explanation=explanation)


class _Place:
    """The chooser at one closed question."""

    def __init__(self, chooser: _Chooser, place: str) -> None:
        self.chooser, self.place = chooser, place

    def one(self, choices: Sequence[str], purpose: str) -> str:
        return self.chooser.one(choices, self.place, purpose)


def _explanation(item: ClosedItem, name: str, facts: Sequence[Fact], at: _Place) -> str:
    wording = load_wordings().closed[name]
    value = asked_of(item)
    features = [f for f in facts if f.question_type not in (QuestionType.DIAGNOSIS, QuestionType.MODALITY)]
    if not isinstance(value, TumorType) or value is TumorType.HEALTHY:
        features = []
    spread = _spread_of(facts)
    frames = load_wordings().reasons[_kind(name, value, bool(features))]
    clause = at.one(_clauses(name, value, spread), "clause")
    listed = _some(features, spread, at.place, at.chooser) if features else ""
    keeps_case = isinstance(value, MRSequence)
    text = wording.text_of(value)
    other = ""
    choices = frames.plain
    if item.is_rejection:
        choices = frames.rejection
    elif item.is_binary and frames.binary:
        other = next(o.text for o in item.options if o.letter != item.answer)
        choices = frames.binary
        if other.startswith("No "):  # "not no edema" is no English
            choices = tuple(frame for frame in choices if "{other}" not in frame)
    return _filled(
        at.one(choices, "frame"),
        clause,
        listed,
        term=text if keeps_case else text.lower(),
        meaning=wording.meaning(value),
        other=other if keeps_case else other.lower(),
    )


def _kind(name: str, value: StrEnum, described: bool) -> str:
    """Which frames of ``questions.toml`` an explanation is put into."""
    if isinstance(value, TumorType):
        kind = "impression" if name == ABNORMAL_OR_HEALTHY else "diagnosis"
        return kind if described else f"{kind}_bare"
    if isinstance(value, MRSequence):
        return "modality"
    return "place" if name in _PLACES else "attribute"


def _some(features: Sequence[Fact], spread: LesionSpread | None, place: str, chooser: _Chooser) -> str:
    """Two to four of the features, as one phrase; which ones is chosen by the slice."""
    wanted = 2 + chooser.number(place, "features") % (MOST_FEATURES - 1)
    ranked = sorted(features, key=lambda f: chooser.number(f.wording, f"rank {place}"))[:wanted]
    return _listed([f for f in features if f in ranked], spread, place, chooser)


def _listed(features: Sequence[Fact], spread: LesionSpread | None, place: str, chooser: _Chooser) -> str:
    """Clauses in a row, how many foci there are first."""
    ordered = sorted(features, key=lambda f: f.question_type is not QuestionType.SPREAD)
    said = [
        chooser.one(_clauses_in_a_row(f.wording, f.value, spread, not place_in_row), f.wording, f"clause {place}")
        for place_in_row, f in enumerate(ordered)
    ]
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])}, and {said[-1]}"


def _spread_of(facts: Sequence[Fact]) -> LesionSpread | None:
    return next((fact.value for fact in facts if isinstance(fact.value, LesionSpread)), None)


@cache
def _clauses(name: str, value: StrEnum, spread: LesionSpread | None) -> tuple[str, ...]:
    """Clauses that answer a question. Where it asks of the largest lesion, "the lesion" is that only if it is alone."""
    clauses = load_wordings().closed[name].clauses(value)
    if spread in (None, LesionSpread.SOLITARY):
        clauses = tuple(c for c in clauses if not _TOTAL.search(c))
    if spread is not LesionSpread.SOLITARY and any("largest" in c for c in clauses):
        clauses = tuple(c for c in clauses if not _THE_LESION.search(c))
    return clauses


@cache
def _clauses_in_a_row(name: str, value: StrEnum, spread: LesionSpread | None, is_first: bool) -> tuple[str, ...]:
    """Clauses that can stand among others: no comma and no preposition in front, which would make a row hard to read.

    The first one names the lesion, and those that follow need not do it again.
    """
    clauses = [c for c in _clauses(name, value, spread) if not {",", ":"} & set(c) and not _ADVERBIAL.match(c)]
    if spread is LesionSpread.SOLITARY:
        clauses = [c for c in clauses if "largest" not in c]
    elif spread is not None:
        return tuple(c for c in clauses if name == "spread" or not _OF_ONE.search(c))
    clauses = [c for c in clauses if bool(_LESION.search(c)) is is_first] or clauses
    return tuple(c for c in clauses if not (is_first and _PRONOUN.search(c)))


def _filled(frame: str, clause: str, features: str, term: str = "", meaning: str = "", other: str = "") -> str:
    return frame.format(
        fact=clause,
        Fact=_capital(clause),
        term=term,
        Term=_capital(term),
        meaning=meaning,
        Meaning=_capital(meaning),
        other=other,
        features=features,
        Features=_capital(features),
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
