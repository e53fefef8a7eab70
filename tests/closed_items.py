"""Small closed benchmarks for the tests of prediction and scoring."""

from collections.abc import Sequence

from neuroonco.build.records import NONE_OF_THE_ABOVE, ClosedItem, Option
from neuroonco.predict.records import Prediction
from neuroonco.vocabulary import PredictionStatus, QuestionType

TYPES = ("Glioma", "Meningioma", "Metastasis", "Ependymoma", NONE_OF_THE_ABOVE)


def closed_item(
    image_id: str,
    answer: str,
    *,
    q_index: int = 0,
    texts: Sequence[str] = TYPES,
    question_type: QuestionType = QuestionType.DIAGNOSIS,
    image_path: str | None = None,
    source_id: str | None = "01",
) -> ClosedItem:
    """A question whose options are lettered from A."""
    options = tuple(Option(letter="ABCDEF"[n], text=text) for n, text in enumerate(texts))
    offered = {option.letter: option.text for option in options}
    rejects = offered.get(answer) == NONE_OF_THE_ABOVE
    return ClosedItem(
        image_id=image_id,
        q_index=q_index,
        slice_id=f"s{image_id}",
        image_path=image_path or f"images/{image_id}.png",
        question_type=question_type,
        question="What is shown?",
        options=options,
        answer=answer,
        is_rejection=rejects,
        removed_answer="Schwannoma" if rejects else None,
        label_source="source",
        source_id=source_id,
        rules="default",
        seed=0,
    )


def predicted(
    item: ClosedItem, pred: str | None, status: PredictionStatus = PredictionStatus.OK, model: str = "m"
) -> Prediction:
    """A model's answer to an item; also one that no file holds, a letter beside a failed status or none beside ok."""
    none = Prediction(id=item.image_id, q_index=item.q_index, model=model, status=PredictionStatus.UNPARSED)
    return none.model_copy(update={"status": status, "pred": pred})
