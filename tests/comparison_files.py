"""Small evaluation runs on disk, for the tests of the comparison."""

from collections.abc import Mapping, Sequence
from math import log
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from closed_items import closed_item
from neuroonco import store
from neuroonco.build.records import NONE_OF_THE_ABOVE, ClosedItem
from neuroonco.predict.records import EvaluationRun, LetterLogprob, Prediction, QuestionKind
from neuroonco.predict.run_files import RunFiles, benchmark_hash
from neuroonco.vocabulary import PredictionStatus, QuestionType

SHAPES = ("Round", "Oval", "Irregular", "Lobulated", NONE_OF_THE_ABOVE)
IMAGES = 30


def benchmark() -> list[ClosedItem]:
    """Thirty images with a diagnosis and a shape each; every fifth answer is "None of the above"."""
    items = []
    for number in range(IMAGES):
        answer = "E" if number % 5 == 4 else "ABCD"[number % 4]
        items.append(closed_item(str(number), answer, source_id=f"0{number % 3 + 1}"))
        turned = "E" if number % 5 == 0 else "DCBA"[number % 4]
        items.append(closed_item(str(number), turned, q_index=1, texts=SHAPES, question_type=QuestionType.SHAPE))
    return items


def answers(
    items: Sequence[ClosedItem], model: str, right: int, *, of: int = 10, raw: str | None = "I say {letter}"
) -> list[Prediction]:
    """A model that has ``right`` of every ``of`` questions right, and takes the next letter else."""
    rows = []
    for number, item in enumerate(items):
        letters = [option.letter for option in item.options]
        wrong = letters[(letters.index(item.answer) + 1) % len(letters)]
        letter = item.answer if number * 7 % of < right else wrong
        said = None if raw is None else raw.format(letter=letter)
        status = PredictionStatus.OK
        rows.append(
            Prediction(id=item.image_id, q_index=item.q_index, model=model, status=status, pred=letter, raw=said)
        )
    return rows


def sure(predictions: Sequence[Prediction], items: Sequence[ClosedItem]) -> list[Prediction]:
    """The same with letter probabilities: surer where it is right."""
    by_key = {(item.image_id, item.q_index): item for item in items}
    rows = []
    for row in predictions:
        item = by_key[row.id, row.q_index]
        top = 0.9 if row.pred == item.answer else 0.5
        other = (1 - top) / (len(item.options) - 1)
        values = tuple(
            LetterLogprob(letter=o.letter, logprob=log(top if o.letter == row.pred else other)) for o in item.options
        )
        rows.append(row.model_copy(update={"logprobs": values}))
    return rows


def write_run(
    folder: Path, items: Sequence[ClosedItem], predictions: Sequence[Prediction], model: str = "", **about: Any
) -> Path:
    """A folder as ``predict`` writes it."""
    files = RunFiles.at(folder)
    files.predictions.parent.mkdir(parents=True, exist_ok=True)
    store.save(files.predictions, predictions, Prediction)
    if files.benchmark is not None:
        store.save(files.benchmark, items, ClosedItem)
    facts: Mapping[str, Any] = {"benchmark": "small.json", "benchmark_sha256": benchmark_hash(items), "version": "0"}
    name = model or predictions[0].model
    run = EvaluationRun(model=name, kind=QuestionKind.CLOSED, **{**facts, **about})
    store.write_json(files.run, run.model_dump(mode="json"))
    return folder


def write_pictures(root: Path, items: Sequence[ClosedItem], *, but: frozenset[str] = frozenset()) -> Path:
    """A gray picture for every image, except some."""
    for item in items:
        path = root / item.image_path
        if item.image_id not in but and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((40, 48), 90, np.uint8)).save(path)
    return root
