"""Instruction data in a model's words: ask for all slices first, then take each slice's draft from the ledger.

The two passes see the same slices. The first may be killed, run out of money or wait for a batch; what was answered is
in the ledger, and the next run asks for the rest. The second asks nobody, so that what is written depends on the ledger
and on the order of the slices alone.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from neuroonco.audit.records import AuditedLabel
from neuroonco.build.facts import Fact
from neuroonco.build.instruct.build import InstructionPlan, Progress, ToWord
from neuroonco.build.instruct.model import WriterBrief, draft_with_model
from neuroonco.build.instruct.records import Draft
from neuroonco.build.instruct.wordings import asked_openly
from neuroonco.build.records import ClosedItem
from neuroonco.models.conversation import UNFINISHED_CODES
from neuroonco.models.endpoints import ResolvedModel
from neuroonco.models.protocol import ModelClient
from neuroonco.outcomes import Quarantined
from neuroonco.walk.asking import Ask, Asking, ask_all, asked_as_sent


@dataclass(frozen=True)
class DraftQuestion:
    """Let a model word what may be asked about slices."""

    brief: WriterBrief

    async def __call__(self, client: ModelClient, item: ToWord) -> Draft | Quarantined:
        """One draft; quarantined where no answer is usable."""
        label, facts, items = item
        return await draft_with_model(client, label, facts, items, self.brief)


@dataclass
class DraftCounts:
    """What became of the drafts of one model.

    Attributes:
        slices: of which a draft was wanted.
        parts: open answers and explanations that were wanted, of slices without a draft as well.
        missing: of these, what there is not.
        failed: slices without a draft, by code.
    """

    slices: int = 0
    parts: int = 0
    missing: int = 0
    failed: Counter[str] = field(default_factory=Counter)

    @property
    def waiting(self) -> int:
        """Slices whose call failed, so that the next run asks again."""
        return sum(n for code, n in self.failed.items() if code in UNFINISHED_CODES)

    def add(self, outcome: Draft | Quarantined, wanted: int) -> None:
        """Count one slice."""
        self.slices += 1
        self.parts += wanted
        if isinstance(outcome, Quarantined):
            self.missing += wanted
            self.failed[outcome.code] += 1
        else:
            self.missing += len(outcome.missing)

    def line(self, name: str) -> str:
        """One line on what a model made.

        >>> DraftCounts(slices=3, parts=40, missing=10, failed=Counter(MODEL_REFUSED=1)).line("vllm:x")
        'vllm:x: 3 slices, 1 without a draft (1 MODEL_REFUSED); 10 of 40 parts missing (25.0 %)'
        """
        codes = ", ".join(f"{n} {code}" for code, n in sorted(self.failed.items()))
        without = f", {self.failed.total()} without a draft ({codes})" if codes else ""
        share = share_of(self.missing, self.parts)
        return f"{name}: {self.slices} slices{without}; {self.missing} of {self.parts} parts missing{share}"


def share_of(some: int, total: int) -> str:
    """A share in brackets to put behind two numbers; nothing where there is none.

    >>> share_of(1, 8), share_of(0, 0)
    (' (12.5 %)', '')
    """
    return f" ({100 * some / total:.1f} %)" if total else ""


class Drafter:
    """Gives the draft of one slice after the other from the ledger; made by :func:`drafter`."""

    def __init__(self, runner: asyncio.Runner, client: ModelClient, put: Ask[ToWord, Draft | Quarantined]) -> None:
        self._runner, self._client, self._put = runner, client, put
        self.name, self.counts = client.name, DraftCounts()

    def __call__(self, label: AuditedLabel, facts: Sequence[Fact], items: Sequence[ClosedItem]) -> Draft | Quarantined:
        """The draft of one slice.

        Returns:
            What was said of it; quarantined where there is no usable answer, or none in the ledger.

        Raises:
            InputError: the ledger cannot be read.
        """
        outcome = self._runner.run(self._answer((label, facts, items)))
        self.counts.add(outcome, len(asked_openly(facts, items)) + len(items))
        return outcome

    async def _answer(self, item: ToWord) -> Draft | Quarantined:
        return await self._put(self._client, item)


def ask_drafts(
    slices: Iterable[ToWord],
    model: ResolvedModel,
    asking: Asking,
    place: str,
    *,
    brief: WriterBrief,
    progress: Callable[[int], None] = lambda _done: None,
) -> int:
    """Bring the ledger up to date: put every slice to the model of which it holds no answer.

    Args:
        slices: taken as there is room, so that memory does not grow with their number.
        model: who words them.
        asking: how it is asked.
        place: of the ledger, see :meth:`neuroonco.walk.asking.Asking.place`.
        brief: what it is told beside the facts.
        progress: told how many slices are done.

    Returns:
        How many answers the ledger did not hold before.

    Raises:
        PrerequisiteError, ProviderError, InputError, UsageError, PendingError: see
            :func:`neuroonco.walk.asking.ask_all`.
    """
    return ask_all(slices, DraftQuestion(brief), model, asking, place, what="instructions", progress=progress)


@contextmanager
def drafter(model: ResolvedModel, place: str, *, brief: WriterBrief) -> Iterator[Drafter]:
    """The drafts that :func:`ask_drafts` asked for, slice by slice; nobody is asked.

    Args:
        model: who worded them.
        place: of the ledger.
        brief: as it was asked with.

    Raises:
        InputError: no such ledger.
    """
    from neuroonco.models.ledger import Ledger
    from neuroonco.models.recorded import RecordedClient

    with Ledger(place, create=False) as held, asyncio.Runner() as runner:
        client = RecordedClient(held, None, replay=True, name=model.name)
        yield Drafter(runner, client, asked_as_sent(DraftQuestion(brief), model))


@contextmanager
def worded_by(
    model: ResolvedModel,
    asking: Asking,
    out: Path,
    planned: InstructionPlan,
    labels: Iterable[AuditedLabel],
    brief: WriterBrief,
    progress: Progress,
) -> Iterator[Drafter]:
    """Both passes over planned slices: ask for all, then give the drafts one by one.

    Args:
        model, asking, brief: who words them, and how it is asked.
        out: folder into which the instructions are written; holds the ledger where none is named.
        planned: what is asked of which slice.
        labels: those that were planned, in the same order; read once here.
        progress: told how many slices are asked.

    Raises:
        PrerequisiteError, ProviderError, InputError, UsageError, PendingError: see :func:`ask_drafts`.
    """
    place, total = asking.place(out), int((planned.rows & planned.index.is_whole).sum())
    shown = f"asking {model.name}"
    progress(shown, 0, total)
    slices = planned.all_to_word(labels)
    ask_drafts(slices, model, asking, place, brief=brief, progress=lambda done: progress(shown, done, total))
    with drafter(model, place, brief=brief) as draft:
        yield draft
