"""Let a built-in model answer every question of a benchmark: one prediction a question, whatever happens."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from neuroonco import store
from neuroonco.build.records import ClosedItem
from neuroonco.errors import InputError, ProviderError
from neuroonco.images import Gray
from neuroonco.models.protocol import ClosedRequest, VisionLanguageModel
from neuroonco.predict.parse import read_letter
from neuroonco.predict.pictures import PictureFinder
from neuroonco.predict.records import Prediction
from neuroonco.vocabulary import PredictionStatus

Key = tuple[str, int]
_ASK_AGAIN = frozenset({PredictionStatus.API_ERROR, PredictionStatus.MISSING_IMAGE})


def predict(items: Sequence[ClosedItem], model: VisionLanguageModel, *, root: Path) -> list[Prediction]:
    """Answer every question, in benchmark order; each item gets exactly one prediction.

    A missing or unreadable image and a failed call become predictions with that status, which count as wrong.

    Args:
        items: questions; those of one image should be neighbors, so that it is read once.
        model: a baseline.
        root: folder to which image paths are relative.

    Raises:
        PrerequisiteError: the model cannot be used at all (a missing key): no question would fare better.
    """
    return list(_answers(items, model, PictureFinder(root), {}))


def predict_to(
    path: Path,
    items: Sequence[ClosedItem],
    model: VisionLanguageModel,
    *,
    root: Path,
    finder: PictureFinder | None = None,
) -> list[Prediction]:
    """Like :func:`predict`, written as it goes, so that a kill loses nothing.

    Predictions are appended to ``<path>.partial`` as they come. A second run reuses its rows, except those whose
    call or image failed, which are asked again, and ends with the same bytes in ``path`` as an undisturbed one. A
    partial file of another model or benchmark is discarded.

    Args:
        path: ``.jsonl`` or ``.parquet``; written in benchmark order once all are answered.
        items, model, root: see :func:`predict`.
        finder: of pictures under ``root``, for a caller that asks it what it found.

    Raises:
        InputError: ``path`` cannot be written, or has another suffix.
    """
    if path.suffix not in (".jsonl", ".parquet"):
        raise InputError("FORMAT_UNKNOWN", f"suffix {path.suffix!r}", where=str(path), fix="use .jsonl or .parquet")
    partial = path.with_name(path.name + ".partial")
    head = json.dumps({"partial_of": fingerprint(items, model)})
    known = _reusable(partial, head)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            # Rewritten from what was valid, so that a line cut off by the kill does not glue to the next.
            file.write("".join(f"{line}\n" for line in [head, *(p.model_dump_json() for p in known.values())]))
            file.flush()
            os.fsync(file.fileno())
            predictions = []
            for prediction in _answers(items, model, finder or PictureFinder(root), known):
                predictions.append(prediction)
                if (prediction.id, prediction.q_index) not in known:
                    file.write(prediction.model_dump_json() + "\n")
                    file.flush()
    except OSError as error:
        what = error.strerror or str(error)
        raise InputError("CANNOT_WRITE", what, where=str(partial), fix="choose a writable folder") from None
    store.save(path, predictions, Prediction)
    partial.unlink(missing_ok=True)
    return predictions


def fingerprint(items: Sequence[ClosedItem], model: VisionLanguageModel) -> str:
    """Hash of the questions and the model's name: what a partial file must agree with to be reused."""
    return store.sha256_text(model.name, *(item.model_dump_json() for item in items))


def request_of(item: ClosedItem) -> ClosedRequest:
    """What a model may know of an item."""
    return ClosedRequest(
        question_id=store.sha256_text(item.image_id, str(item.q_index))[:16],
        question_type=item.question_type,
        question=item.question,
        options=tuple((option.letter, option.text) for option in item.options),
    )


def _answers(
    items: Sequence[ClosedItem], model: VisionLanguageModel, finder: PictureFinder, known: Mapping[Key, Prediction]
) -> Iterator[Prediction]:
    shown: tuple[str, int | None, int | None] | None = None
    image: Gray | InputError | None = None
    for item in items:
        if (found := known.get((item.image_id, item.q_index))) is not None:
            yield found
            continue
        if model.looks_at_image and shown != (item.image_path, item.image_channel, item.image_slice):
            shown, image = (item.image_path, item.image_channel, item.image_slice), _read(finder, item)
        yield _answer(item, model, image)


def _read(finder: PictureFinder, item: ClosedItem) -> Gray | InputError:
    try:
        return finder.read(item)
    except InputError as error:
        return error


def _answer(item: ClosedItem, model: VisionLanguageModel, image: Gray | InputError | None) -> Prediction:
    unanswered = Prediction(
        id=item.image_id, q_index=item.q_index, model=model.name, status=PredictionStatus.MISSING_IMAGE
    )
    if isinstance(image, InputError):
        return unanswered.model_copy(update={"error": f"{image.code}: {image.what}"})
    try:
        reply = model.answer(request_of(item), image)
    except ProviderError as error:
        # The error's text is kept apart from replies: it must never be searched for a letter.
        update = {"status": PredictionStatus.API_ERROR, "error": f"{error.code}: {error.what}"}
        return unanswered.model_copy(update=update)
    raw = reply.text or None
    if reply.refused:
        return unanswered.model_copy(update={"status": PredictionStatus.REFUSED, "raw": raw})
    texts = {option.letter: option.text for option in item.options}
    letter = read_letter(reply.text, tuple(texts), texts)
    status = PredictionStatus.UNPARSED if letter is None else PredictionStatus.OK
    return unanswered.model_copy(update={"status": status, "pred": letter, "raw": raw})


def _reusable(partial: Path, head: str) -> dict[Key, Prediction]:
    try:
        lines = partial.read_text("utf-8", "replace").split("\n")
    except OSError:
        return {}
    if lines[0] != head:
        return {}
    found: dict[Key, Prediction] = {}
    for line in lines[1:]:
        try:
            prediction = Prediction.model_validate_json(line)
        except ValidationError:
            continue  # the line at which the earlier run was cut off
        if prediction.status not in _ASK_AGAIN:
            found[prediction.id, prediction.q_index] = prediction
    return found
