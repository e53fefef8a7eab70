"""Let a built-in model answer every question of a benchmark: one prediction a question, whatever happens."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from neuroonco import __version__, store
from neuroonco.build.records import ClosedItem
from neuroonco.control_pictures import PictureName
from neuroonco.errors import InputError, ProviderError
from neuroonco.images import Gray
from neuroonco.models.protocol import ClosedRequest, VisionLanguageModel
from neuroonco.outcomes import Record
from neuroonco.predict.askable import require_askable
from neuroonco.predict.parse import read_letter
from neuroonco.predict.pictures import PictureFinder
from neuroonco.predict.records import Prediction
from neuroonco.predict.run_files import partial_of
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
        InputError: see :func:`neuroonco.predict.askable.require_askable`.
        PrerequisiteError: the model cannot be used at all (a missing key): no question would fare better.
    """
    require_askable(items)
    return [kept.prediction for kept, _ in _answers(items, model, PictureFinder(root), {})]


def predict_to(
    path: Path, items: Sequence[ClosedItem], model: VisionLanguageModel, *, root: Path, rules: str = ""
) -> list[Prediction]:
    """Like :func:`predict`, written to a file; killed and called again, it goes on where it was.

    Args:
        path: ``.jsonl`` or ``.parquet``; written in benchmark order once all are answered.
        items, model, root: see :func:`predict`.
        rules: see :func:`predict_kept`.

    Raises:
        InputError: ``path`` cannot be written, or has another suffix; or see :func:`predict`.
    """
    store.require_format(path, reference=False)
    partial = partial_of(path)
    predictions = predict_kept(partial, items, model, finder=PictureFinder(root), rules=rules)
    store.save(path, predictions, Prediction)
    partial.unlink(missing_ok=True)
    return predictions


def predict_kept(
    partial: Path,
    items: Sequence[ClosedItem],
    model: VisionLanguageModel,
    *,
    finder: PictureFinder,
    rules: str = "",
) -> list[Prediction]:
    """Like :func:`predict`, and each prediction is kept in a file as it comes, so that a kill loses nothing.

    A second call reuses what is there, except where a call or image failed, or where the picture is another one now.
    What another model, benchmark, version or set of rules left is discarded.

    Args:
        partial: the file; the caller removes it when the predictions are safe elsewhere.
        items, model: see :func:`predict`.
        finder: of pictures under a root.
        rules: digest of the rules by which the model looks at pictures; empty where it has none.

    Raises:
        InputError: ``partial`` cannot be written; or see :func:`predict`.
    """
    require_askable(items)
    head = json.dumps({"partial_of": fingerprint(items, model, rules)})
    known = _reusable(partial, head)
    # Rewritten from what was valid, so that a line cut off by the kill does not glue to the next.
    store.write_text(partial, "".join(f"{line}\n" for line in [head, *(k.model_dump_json() for k in known.values())]))
    predictions = []
    with _appended(partial) as write:
        for kept, is_fresh in _answers(items, model, finder, known):
            predictions.append(kept.prediction)
            if is_fresh:
                write(kept.model_dump_json() + "\n")
    return predictions


def fingerprint(items: Sequence[ClosedItem], model: VisionLanguageModel, rules: str = "") -> str:
    """Hash of the questions, the model's name and rules, and the version: what reused predictions must agree with."""
    return store.sha256_text(model.name, rules, __version__, *(item.model_dump_json() for item in items))


def request_of(item: ClosedItem) -> ClosedRequest:
    """What a model may know of an item."""
    return ClosedRequest(
        question_id=store.sha256_text(item.image_id, str(item.q_index))[:16],
        question_type=item.question_type,
        question=item.question,
        options=tuple((option.letter, option.text) for option in item.options),
    )


@dataclass(frozen=True)
class _Look:
    """A picture as it was read, or why it was not, and the digest of its pixels."""

    image: Gray | InputError | None = None
    sha256: str | None = None


def _answers(
    items: Sequence[ClosedItem], model: VisionLanguageModel, finder: PictureFinder, known: Mapping[Key, "_Kept"]
) -> Iterator[tuple["_Kept", bool]]:
    """Each prediction, and whether it was made just now."""
    shown: PictureName | None = None
    look = _Look()
    for item in items:
        if model.looks_at_image and shown != PictureName.of(item):
            shown, look = PictureName.of(item), _look(finder, item)
        found = known.get((item.image_id, item.q_index))
        if found is not None and found.picture == look.sha256:
            yield found, False
        else:
            yield _Kept(picture=look.sha256, prediction=_answer(item, model, look.image)), True


def _look(finder: PictureFinder, item: ClosedItem) -> _Look:
    try:
        image = finder.read(item)
    except InputError as error:
        return _Look(error)
    return _Look(image, store.sha256_bytes(repr(image.shape).encode() + image.tobytes()))


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


class _Kept(Record):
    """A line of what is kept: a prediction, and the digest of the pixels that it is about."""

    picture: str | None
    prediction: Prediction


def _reusable(partial: Path, head: str) -> dict[Key, _Kept]:
    try:
        lines = partial.read_text("utf-8", "replace").split("\n")
    except OSError:
        return {}
    if lines[0] != head:
        return {}
    found: dict[Key, _Kept] = {}
    for line in lines[1:]:
        try:
            kept = _Kept.model_validate_json(line)
        except ValidationError:
            continue  # the line at which the earlier run was cut off
        if kept.prediction.status not in _ASK_AGAIN:
            found[kept.prediction.id, kept.prediction.q_index] = kept
    return found


@contextmanager
def _appended(path: Path) -> Iterator[Callable[[str], None]]:
    """Writes lines behind a file's last, each of them at once; what else fails in the block is not its concern."""

    def failed(error: OSError) -> InputError:
        what = error.strerror or str(error)
        return InputError("CANNOT_WRITE", what, where=str(path), fix="choose a writable folder")

    try:
        file = path.open("a", encoding="utf-8", newline="\n")
    except OSError as error:
        raise failed(error) from None

    def write(line: str) -> None:
        try:
            file.write(line)
            file.flush()
        except OSError as error:
            raise failed(error) from None

    try:
        yield write
    finally:
        with suppress(OSError):  # all was flushed
            file.close()
