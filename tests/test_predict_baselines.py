"""Baselines: seeded, peeking where they say so, silent where they know nothing."""

import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from closed_items import TYPES, closed_item
from neuroonco.build.records import NONE_OF_THE_ABOVE
from neuroonco.errors import UsageError
from neuroonco.images import Gray
from neuroonco.models.protocol import ClosedRequest
from neuroonco.predict.baselines import BASELINES, baseline, chosen_letter, measuring_baseline
from neuroonco.predict.predict import predict
from neuroonco.readings.records import Signs
from neuroonco.vocabulary import (
    Edema,
    Enhancement,
    ImageRegion,
    Margins,
    MRSequence,
    PredictionStatus,
    QuestionType,
    Shape,
)

NOWHERE = Path("nowhere")
E = NONE_OF_THE_ABOVE


@dataclass
class Seen:
    lesion_found: bool | None = True
    sequence: MRSequence | None = MRSequence.T1CE
    region: ImageRegion | None = ImageRegion.UPPER_LEFT
    signs: Signs = field(
        default_factory=lambda: Signs(shape=Shape.OVAL, margins=Margins.ILL_DEFINED, enhancement=Enhancement.PRESENT)
    )


def lettered(*texts: str) -> tuple[tuple[str, str], ...]:
    return tuple(zip("ABCDE", texts, strict=False))


@pytest.mark.parametrize(
    ("kind", "texts", "letter"),
    [
        (QuestionType.MODALITY, ("T1", "T1 with contrast", "T2", "FLAIR", E), "B"),
        (QuestionType.MODALITY, ("T1", "t1ce", E), "B"),
        (QuestionType.MODALITY, ("T1", "T2", "FLAIR", E), "D"),
        (QuestionType.MODALITY, ("T1", "T2", "FLAIR"), None),  # none fits and nothing says so
        (QuestionType.MODALITY, ("T1", "T2", "an unknown sequence", E), None),
        (QuestionType.MODALITY, ("T1C+", "T1 with contrast", E), None),  # twice the same
        (QuestionType.LOCATION, ("Center", "Upper-Left Region", E), "B"),
        (QuestionType.SHAPE, ("Round", "Oval", "Lobulated", E), "B"),
        (QuestionType.SHAPE, ("Round or oval", "Lobulated", "Irregular", E), "A"),
        (QuestionType.MARGINS, ("Well-circumscribed", "Ill-defined", E), "B"),
        (QuestionType.ENHANCEMENT, ("Ring enhancement", "No enhancement", E), None),  # ring may be what is present
        (QuestionType.ENHANCEMENT, ("No enhancement", E), "B"),
        (QuestionType.EDEMA, ("Mild edema", "No edema", E), None),
        (QuestionType.SIZE, ("Small", "Large", E), None),
        (QuestionType.DIAGNOSIS, ("Abnormal", "Healthy"), "A"),
        (QuestionType.DIAGNOSIS, ("Healthy", "Abnormal"), "B"),
        (QuestionType.DIAGNOSIS, ("Glioma", "Meningioma", "Metastasis", "Healthy", E), None),
    ],
)
def test_measured_values_choose_their_option(kind: QuestionType, texts: tuple[str, ...], letter: str | None) -> None:
    assert chosen_letter(Seen(), kind, lettered(*texts)) == letter


def test_no_lesion_is_healthy_and_unknown_is_nothing() -> None:
    binary = lettered("Abnormal", "Healthy")
    assert chosen_letter(Seen(lesion_found=False), QuestionType.DIAGNOSIS, binary) == "B"
    assert chosen_letter(Seen(lesion_found=None), QuestionType.DIAGNOSIS, binary) is None
    edema = lettered("Mild edema", "No edema")
    assert chosen_letter(Seen(signs=Signs(edema=Edema.ABSENT)), QuestionType.EDEMA, edema) == "B"


def test_the_measuring_baseline_reads_each_image_once_and_abstains_openly() -> None:
    calls: list[int] = []

    def read(image: Gray) -> Seen:
        calls.append(int(image[0, 0]))
        return Seen()

    model = measuring_baseline(read)
    image = np.zeros((40, 40), dtype=np.uint8)
    request = ClosedRequest(
        question_id="q", question_type=QuestionType.MODALITY, question="?", options=lettered("T1ce", "T2")
    )
    replies = [
        model.answer(request, image),
        model.answer(request.model_copy(update={"question_type": QuestionType.SPREAD}), image),
        model.answer(request, image + 1),
        model.answer(request, None),
    ]
    assert [(r.text, r.refused) for r in replies] == [("A", False), ("", True), ("A", False), ("", True)]
    assert calls == [0, 1]


def test_random_is_seeded_and_does_not_depend_on_the_order() -> None:
    items = [closed_item(str(n), "A") for n in range(2000)]
    first = predict(items, baseline("random", items, 7), root=NOWHERE)
    shuffled = random.Random(1).sample(items, len(items))
    again = predict(shuffled, baseline("random", [], 7), root=NOWHERE)
    assert {p.id: p.pred for p in first} == {p.id: p.pred for p in again}
    other = predict(items, baseline("random", items, 8), root=NOWHERE)
    assert sum(a.pred != b.pred for a, b in zip(first, other, strict=True)) > 1400
    counts = Counter(p.pred for p in first)
    assert set(counts) == set("ABCDE")
    assert min(counts.values()) > 330


def test_majority_learns_the_right_texts_of_each_type() -> None:
    items = [
        closed_item("1", "B"),
        closed_item("2", "B"),
        closed_item("3", "A"),
        closed_item("4", "A", texts=("Oval", "Meningioma", E), question_type=QuestionType.SHAPE),
        closed_item("5", "C", texts=("Ependymoma", "Glioma", "Metastasis")),
    ]
    predictions = predict(items, baseline("majority", items, 0), root=NOWHERE)
    # 5: glioma and metastasis were right once each, and the tie goes by text
    assert [p.pred for p in predictions] == ["B", "B", "B", "A", "B"]


def test_always_e_abstains_where_e_is_not_offered() -> None:
    items = [closed_item("1", "A"), closed_item("2", "A", texts=("Abnormal", "Healthy"))]
    predictions = predict(items, baseline("always-e", items, 0), root=NOWHERE)
    assert [(p.pred, p.status) for p in predictions] == [
        ("E", PredictionStatus.OK),
        (None, PredictionStatus.REFUSED),
    ]


def test_an_unknown_baseline_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="BASELINE_UNKNOWN"):
        baseline("best", [], 0)
    assert [baseline(name, [closed_item("1", "A", texts=TYPES)], 0).looks_at_image for name in BASELINES] == [False] * 3
