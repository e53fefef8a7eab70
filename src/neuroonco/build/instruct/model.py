"""Instruction data in a model's words: one slice, one conversation; a draft, or the reason why there is none.

The writer does not see the picture and is told nothing but terms of the vocabulary: the slice's facts, and the closed
questions with their right letters. It words answers of open questions, and explanations. Options and letters of closed
questions are the items', and all stems those that the templates choose without looking at the answer: who knows the
answer could let it show there. Open questions about several facts are the templates' whole, answers too.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from importlib.resources import files

from neuroonco.audit.records import AuditedLabel
from neuroonco.build.facts import Fact
from neuroonco.build.instruct import templates
from neuroonco.build.instruct.answer_schema import closed_name, read_draft, writer_schema
from neuroonco.build.instruct.records import TEMPLATES, Draft
from neuroonco.build.instruct.wordings import asked_of, asked_openly, wording_name_of
from neuroonco.build.records import ClosedItem
from neuroonco.errors import ProviderError
from neuroonco.models.conversation import Unreadable, converse
from neuroonco.models.protocol import ModelClient
from neuroonco.models.records import ModelCall, Turn
from neuroonco.outcomes import Quarantined, quarantine_slice
from neuroonco.prompts import load_wordings, prompt
from neuroonco.prompts.render import as_data, render
from neuroonco.seeded import random_for

PROMPT = "instruct"
REPAIR = "repair_text"
NOTHING = "none"


@dataclass(frozen=True)
class WriterBrief:
    """How a writer is asked.

    Attributes:
        seed: of the style in which each slice is worded, and of the templates.
        max_tokens: limit of an answer; a slice with all facts takes some two thousand.
    """

    seed: int = 2602
    max_tokens: int = 4096


@cache
def styles() -> tuple[str, ...]:
    """The styles of ``prompts/instruct_styles.toml``."""
    raw = files("neuroonco.prompts").joinpath("instruct_styles.toml").read_text("utf-8")
    return tuple(tomllib.loads(raw)["styles"])


def style_of(slice_id: str, seed: int) -> str:
    """The style in which a slice is worded: drawn by its id, so that it does not depend on what its label says."""
    return random_for(seed, "instruct style", slice_id).choice(styles())


def draft_call(facts: Sequence[Fact], items: Sequence[ClosedItem], style: str, max_tokens: int) -> ModelCall:
    """The request for one slice's draft. Slices with equal facts, questions and style share one call, and its answer.

    Args:
        facts: what may be said, as it is asked openly.
        items: closed questions about them.
        style: of the wording.
        max_tokens: limit of the answer.

    Raises:
        ValueError: a closed question about none of the facts, or two with one index.
        InputError: a closed question that is none of ours.
    """
    if len({item.q_index for item in items}) < len(items):
        raise ValueError("two closed questions have one index")
    asked = prompt(PROMPT)
    values = {"facts": facts_text(facts), "questions": questions_text(facts, items), "style": style}
    return ModelCall(
        purpose=asked.name,
        prompt_name=asked.name,
        prompt_sha256=asked.sha256,
        turns=tuple(Turn(role=role, text=text) for role, text in render(asked, values)),
        schema_=writer_schema(facts, items),
        max_tokens=max_tokens,
    )


def facts_text(facts: Sequence[Fact]) -> str:
    """Facts, one a line: name, question, value, statement, and what the term means where a short definition is at hand.

    >>> from neuroonco.vocabulary import QuestionType, Texture
    >>> facts_text([Fact(QuestionType.TEXTURE, Texture.HOMOGENEOUS, "audited")]).split(" | ")[2:]
    ['value: Homogeneous', 'stated as: its texture is homogeneous', 'means: an even signal inside the lesion']
    """
    closed = load_wordings().closed
    lines = []
    for fact in facts:
        wording = closed[fact.wording]
        said = (wording.open_question, wording.text_of(fact.value), wording.clause(fact.value))
        question, value, statement = map(_told, said)
        line = f"{fact.wording} | asked as: {question} | value: {value} | stated as: {statement}"
        # Descriptions of diagnoses name features that a slice need not show, and so stay out.
        meaning = wording.meanings.get(fact.value.value)
        lines.append(line if meaning is None else f"{line} | means: {_told(meaning)}")
    return "\n".join(lines) or NOTHING


def questions_text(facts: Sequence[Fact], items: Sequence[ClosedItem]) -> str:
    """Closed questions, one a line: name, what they are about, stem, options, right letter, and what is right.

    Raises:
        ValueError: a question about none of the facts.
        InputError: a question that is not worded as ours are, or whose answer is no term.
    """
    known = {fact.question_type for fact in facts}
    lines = []
    for item in items:
        if item.question_type not in known:
            raise ValueError(f"a closed question about {item.question_type}, of which the label says nothing")
        # Not always the fact's own wording: a slice with a typed tumor may be asked whether it is abnormal.
        about, value = wording_name_of(item), asked_of(item)
        options = " | ".join(f"{option.letter}: {_told(option.text)}" for option in item.options)
        stated = _told(load_wordings().closed[about].clause(value))
        line = f"{closed_name(item)} | about: {about} | {_told(item.question)} | {options} | right: {item.answer}"
        lines.append(f"{line} | stated as: {stated}")
    return "\n".join(lines) or NOTHING


@lru_cache(maxsize=4096)
def _told(text: str) -> str:
    """Text as data; the same few hundred texts stand in every request."""
    return as_data(text)


async def draft_with_model(
    client: ModelClient,
    label: AuditedLabel,
    facts: Sequence[Fact],
    items: Sequence[ClosedItem],
    brief: WriterBrief,
) -> Draft | Quarantined:
    """Let a model word what may be asked about one slice, in one conversation.

    Where nothing may be asked, nobody is.

    Args:
        client: the model.
        label: of which only the facts go in.
        facts: all that may be said, see :func:`neuroonco.build.facts.facts`.
        items: closed questions about them, with options and letter.
        brief: how it is asked.

    Returns:
        The draft, with the templates' descriptions of several facts (``writer`` says so) and with what could not be
        used in ``missing``; quarantined if nothing could, see
        :mod:`neuroonco.models.conversation` for the codes.

    Raises:
        ValueError, InputError: see :func:`draft_call`.
        PrerequisiteError, ProviderError: see :class:`neuroonco.models.protocol.ModelClient`.
    """
    asked = asked_openly(facts, items)
    if not asked and not items:
        return Draft(slice_id=label.slice_id, writer=client.name)
    call = draft_call(asked, items, style_of(label.slice_id, brief.seed), brief.max_tokens)
    outcome = await converse(client, call, None, partial(read_draft, facts=asked, items=items), repair=REPAIR)
    if isinstance(outcome, Unreadable):
        what = f"draft by {client.name}: {outcome.message}"
        return quarantine_slice(ProviderError(outcome.code, what), label.slice)
    said, own = outcome.value, templates.draft(label, facts, items, brief.seed)
    open_stems = {one.wording: one.question for one in own.open}
    stems = {one.q_index: one.question for one in own.closed}
    opened = [one.model_copy(update={"question": open_stems[one.wording]}) for one in said.open]
    opened += [
        one.model_copy(update={"writer": TEMPLATES}) for one in own.open if one.wording in templates.OF_SEVERAL_FACTS
    ]
    closed = tuple(one.model_copy(update={"question": stems[one.q_index]}) for one in said.closed)
    return Draft(slice_id=label.slice_id, writer=client.name, open=tuple(opened), closed=closed, missing=said.missing)
