"""A writer of instruction data for the fault server and scripts, and the slices that it is asked about.

python tests/fault_server.py --answers instruct_answers:answer
"""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from factories_build import skewed_labels
from fault_answers import texts_of
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.facts import Fact, facts
from neuroonco.build.records import NONE_OF_THE_ABOVE, ClosedItem, Option
from neuroonco.models.records import ModelCall
from neuroonco.prompts import load_wordings

Case = tuple[AuditedLabel, tuple[Fact, ...], tuple[ClosedItem, ...]]
Change = Callable[[dict[str, Any]], object]


def case_of(label: AuditedLabel, seed: int = 0) -> Case:
    """A slice with a closed question about each of its facts; some reject, letters are random."""
    known, rng = facts(label), random.Random(f"{seed} {label.slice_id}")
    return label, known, tuple(item_of(label, fact, index, rng) for index, fact in enumerate(known))


def item_of(label: AuditedLabel, fact: Fact, index: int, rng: random.Random) -> ClosedItem:
    wording = load_wordings().closed[fact.wording]
    values = [wording.text_of(v) for v in type(fact.value)]
    truth = wording.text_of(fact.value)
    others = [text for text in values if text != truth]
    if fact.wording == "diagnosis_binary":
        others = [text for text in ("Abnormal", "Healthy") if text != truth]
    size = min(4, len(others))
    rejects = len(others) > 1 and rng.random() < 0.2
    offered = rng.sample(others, size) if rejects else [truth, *rng.sample(others, max(1, size - 1))]
    rng.shuffle(offered)
    options = [Option(letter="ABCD"[n], text=text) for n, text in enumerate(offered)]
    if len(others) > 1:
        options.append(Option(letter="E", text=NONE_OF_THE_ABOVE))
    return ClosedItem(
        image_id=label.slice_id,
        q_index=index,
        slice_id=label.slice_id,
        image_path=label.slice.image_path,
        question_type=fact.question_type,
        question=wording.question,
        options=tuple(options),
        answer=options[-1].letter if rejects else next(o.letter for o in options if o.text == truth),
        is_rejection=rejects,
        removed_answer=truth if rejects else None,
        label_source=fact.label_source,
    )


def cases(n: int, seed: int = 0) -> list[Case]:
    """Invented slices; some may have equal facts and questions."""
    return [case_of(label, seed) for label in skewed_labels(n, seed)]


def answer(request: dict[str, Any]) -> str:
    """The answer to a served request."""
    return written(texts_of(request))


def scripted_answer(call: ModelCall) -> str:
    """The same for a scripted client."""
    return written("\n".join(turn.text for turn in call.turns))


def written(text: str) -> str:
    """A faithful draft of what stands in the fence of a request."""
    data = text.split("<data>\nfacts\n", 1)[1].split("\n</data>", 1)[0]
    listed, questions = data.split("\n\nclosed questions\n")
    found: dict[str, Any] = {"open": {}, "closed": {}}
    for line in _lines(listed):
        name, asked, value, clause, *_ = line.split(" | ")
        found["open"][name] = {"answer": f"Seen here: {clause.removeprefix('stated as: ')}."}
        assert asked.startswith("asked as: ")
        assert value.startswith("value: ")
    for line in _lines(questions):
        name, *_, right, clause = line.split(" | ")
        none = "None of the offered terms fits. " if right.endswith("E") else ""
        found["closed"][name] = {
            "explanation": f"{none}Seen here: {clause.removeprefix('stated as: ')}.",
            "answer": right.removeprefix("right: "),
        }
    return json.dumps(found)


def _lines(text: str) -> Sequence[str]:
    return [] if text == "none" else text.split("\n")


def changed(change: Change) -> Callable[[ModelCall], str]:
    """A faithful writer whose every answer is changed in one way."""

    def script(call: ModelCall) -> str:
        document = json.loads(scripted_answer(call))
        change(document)
        return json.dumps(document)

    return script
