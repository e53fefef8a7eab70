"""Mend what can be mended mechanically in a closed benchmark, and say what is left.

What needs no judgment is mended: letters and places, marks that the text contradicts, spellings, options that say the
same thing twice. An option that must go is replaced in its place by an answer of the same question type, drawn
uniformly from those that are answers elsewhere in the file, or taken away where none is left, and in a rejection item
whose removed answer is not known, since any answer drawn could be the one that is right. What the answer is, which
options stand beside it and how often is never changed otherwise: a benchmark whose distractors tell the answer still
does so afterwards.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations

from neuroonco.build.records import OPTION_LETTERS, ClosedItem, Option
from neuroonco.check.closed_lint import lint_closed
from neuroonco.check.meanings import (
    NONE_MEANING,
    canonical_text,
    is_known,
    meaning_of,
    offers_none,
    overlapping,
    truth_of,
)
from neuroonco.check.repair_records import Change, Repaired
from neuroonco.check.rules import CheckRules
from neuroonco.rules import load_rules
from neuroonco.seeded import random_for
from neuroonco.vocabulary import QuestionType

FEWEST_OPTIONS = 2
"""An option is not taken away from a question that would keep fewer."""
Spellings = dict[tuple[QuestionType, str], str]
Pools = dict[tuple[QuestionType, bool], list[str]]


def repair_closed(items: Sequence[ClosedItem], seed: int, rules: CheckRules | None = None) -> Repaired:
    """A copy of a benchmark in which what needs no judgment is mended.

    Args:
        seed: of the drawn replacements; each depends on it and on its question alone.
        rules: of the findings that are left; the section ``check`` of the rule set ``default`` if None.

    Returns:
        The questions in the order given, every change, and the findings of the result. Repairing the result again
        changes nothing.
    """
    marked = [_Mending(item) for item in items]
    for one in marked:
        one.mark()
        one.order()
    spellings = _spellings(one.result() for one in marked)
    for one in marked:
        one.spell(spellings)
    pools = _pools(one.result() for one in marked)
    for one in marked:
        one.replace(pools, seed)
    mended = tuple(one.result() for one in marked)
    values = rules or load_rules("default").section("check", CheckRules)
    changes = tuple(change for one in marked for change in one.changes)
    return Repaired(items=mended, changes=changes, left=tuple(lint_closed(mended, values)))


def _spellings(items: Iterable[ClosedItem]) -> Spellings:
    """One spelling of each unknown text: the most frequent one, in the vocabulary's style."""
    seen: dict[tuple[QuestionType, str], Counter[str]] = {}
    for item in items:
        kind = item.question_type
        for text in (*(option.text for option in item.options), *filter(None, [item.removed_answer])):
            token = meaning_of(kind, text)
            if not is_known(token):
                seen.setdefault((kind, token), Counter())[text] += 1
    found: Spellings = {}
    for key, texts in seen.items():
        frequent = min(texts, key=lambda text: (-texts[text], text))
        plain = " ".join(frequent.replace("_", " ").split())
        found[key] = plain[:1].upper() + plain[1:]
    return found


def _pools(items: Iterable[ClosedItem]) -> Pools:
    """Known meanings that are true answers, of questions with and without ``None of the above``."""
    pools: dict[tuple[QuestionType, bool], set[str]] = {}
    for item in items:
        truth = truth_of(item)
        if truth is not None and is_known(truth):
            pools.setdefault((item.question_type, offers_none(item)), set()).add(truth)
    return {key: sorted(tokens) for key, tokens in pools.items()}


class _Mending:
    """One question under repair."""

    def __init__(self, item: ClosedItem) -> None:
        self.item = item
        self.kind = item.question_type
        self.changes: list[Change] = []

    def result(self) -> ClosedItem:
        """The question as it stands."""
        return self.item

    def mark(self) -> None:
        """Make the answer a letter that is offered, if it is one in other words, and the mark what the text says."""
        item = self.item
        if item.text_of(item.answer) is None:
            said = item.answer.strip().rstrip(".):").upper()
            letters = [o.letter for o in item.options if said in (o.letter.upper(), o.text.upper())]
            if len(letters) == 1:
                self._change("ANSWER_NOT_OFFERED", item.answer, letters[0], answer=letters[0])
        item = self.item
        right = item.text_of(item.answer)
        if right is None:
            return
        is_none = meaning_of(self.kind, right) == NONE_MEANING
        removed = item.removed_answer if is_none else None
        if is_none != item.is_rejection or removed != item.removed_answer:
            before, after = _mark(item.is_rejection, item.removed_answer), _mark(is_none, removed)
            self._change("REJECTION_MISMARKED", before, after, is_rejection=is_none, removed_answer=removed)

    def order(self) -> None:
        """``None of the above`` once, last and at E; the others from A on, in their order."""
        item = self.item
        meant = [meaning_of(self.kind, option.text) for option in item.options]
        answer_at = next((i for i, o in enumerate(item.options) if o.letter == item.answer), None)
        if NONE_MEANING not in meant or answer_at is None:  # new letters could make an answer of one that is none
            return
        real = [i for i, token in enumerate(meant) if token != NONE_MEANING]
        if len(real) >= len(OPTION_LETTERS):
            return
        options = [Option(letter=OPTION_LETTERS[n], text=item.options[i].text) for n, i in enumerate(real)]
        options.append(Option(letter=OPTION_LETTERS[-1], text=item.options[meant.index(NONE_MEANING)].text))
        answer = OPTION_LETTERS[real.index(answer_at)] if answer_at in real else OPTION_LETTERS[-1]
        if tuple(options) != item.options:
            before, after = _shown(item.options, item.answer), _shown(options, answer)
            self._change("NONE_NOT_LAST", before, after, options=tuple(options), answer=answer)

    def spell(self, spellings: Spellings) -> None:
        """One spelling a meaning, for options and the removed answer alike."""
        for place, option in enumerate(self.item.options):
            text = self._spelled(spellings, option.text)
            if text != option.text:
                self._put(place, "SEVERAL_SPELLINGS", text)
        removed = self.item.removed_answer
        if removed is not None and (text := self._spelled(spellings, removed)) != removed:
            self._change("SEVERAL_SPELLINGS", f"removed: {removed}", f"removed: {text}", removed_answer=text)

    def _spelled(self, spellings: Spellings, text: str) -> str:
        token = meaning_of(self.kind, text)
        return self._text(token) if is_known(token) else spellings[self.kind, token]

    def _text(self, token: str) -> str:
        return canonical_text(self.item, token) or token

    def replace(self, pools: Pools, seed: int) -> None:
        """Replace, or take away, options that repeat the truth or each other, until none is left that can be."""
        if self.item.text_of(self.item.answer) is None:
            return
        stuck: set[str] = set()
        while (found := self._to_go(stuck)) is not None:
            place, code = found
            item = self.item
            kept = [meaning_of(self.kind, o.text) for i, o in enumerate(item.options) if i != place]
            truth = truth_of(item)
            taken = [*kept, *([truth] if truth is not None else [])]
            pool = pools.get((self.kind, offers_none(item)), []) if self._may_draw(truth) else []
            free = [token for token in pool if not any(overlapping(self.kind, token, other) for other in taken)]
            if free:
                rng = random_for(seed, "repair", item.image_id, str(item.q_index), item.options[place].letter)
                self._put(place, code, self._text(rng.choice(free)))
            elif len(item.options) > FEWEST_OPTIONS:
                self._take_away(place, code)
            else:
                stuck.add(item.options[place].text)

    def _may_draw(self, truth: str | None) -> bool:
        """Whether another option can be drawn without offering the truth of a rejection item by accident."""
        return not self.item.is_rejection or (truth is not None and is_known(truth))

    def _to_go(self, stuck: set[str]) -> tuple[int, str] | None:
        """Place of an option that must go, and why; never the right one."""
        item = self.item
        meant = [meaning_of(self.kind, option.text) for option in item.options]
        truth = truth_of(item)
        for place, token in enumerate(meant):
            option = item.options[place]
            if token == NONE_MEANING or option.letter == item.answer or option.text in stuck or truth is None:
                continue
            if overlapping(self.kind, truth, token):
                code = "DUPLICATE_OPTION" if truth == token else "ANSWER_NOT_UNIQUE"
                return place, "REMOVED_ANSWER_OFFERED" if item.is_rejection else code
        for first, second in combinations(range(len(meant)), 2):
            letters = [item.options[place].letter for place in (first, second)]
            a, b = meant[first], meant[second]
            if item.answer in letters or item.options[second].text in stuck or NONE_MEANING in (a, b):
                continue
            if overlapping(self.kind, a, b):
                return second, "DUPLICATE_OPTION" if a == b else "OVERLAPPING_OPTIONS"
        return None

    # --- what is done is written down ---

    def _put(self, place: int, code: str, text: str) -> None:
        options = list(self.item.options)
        old = options[place]
        options[place] = Option(letter=old.letter, text=text)
        self._change(code, f"{old.letter}: {old.text}", f"{old.letter}: {text}", options=tuple(options))

    def _take_away(self, place: int, code: str) -> None:
        item = self.item
        gone = item.options[place]
        rest = [option for i, option in enumerate(item.options) if i != place]
        is_none = [meaning_of(self.kind, option.text) == NONE_MEANING for option in rest]
        letters = [OPTION_LETTERS[-1] if none else OPTION_LETTERS[n] for n, none in enumerate(is_none)]
        moved = {option.letter: letter for option, letter in zip(rest, letters, strict=True)}
        options = tuple(Option(letter=moved[option.letter], text=option.text) for option in rest)
        self._change(code, f"{gone.letter}: {gone.text}", "", options=options, answer=moved[item.answer])

    def _change(self, code: str, before: str, after: str, **update: object) -> None:
        item = self.item
        self.changes.append(Change(image_id=item.image_id, q_index=item.q_index, code=code, before=before, after=after))
        self.item = item.model_copy(update=update)


def _mark(is_rejection: bool, removed: str | None) -> str:
    return f"{'rejection item' if is_rejection else 'no rejection item'}, removed: {removed or 'nothing'}"


def _shown(options: Iterable[Option], answer: str) -> str:
    return f"{' | '.join(f'{option.letter}: {option.text}' for option in options)}; answer {answer}"
