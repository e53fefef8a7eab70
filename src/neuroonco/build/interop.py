"""The reference's benchmark JSON, grouped by image, to and from our questions.

An image's id is a number there and a text here; an id of digits alone is written back as a number. Where an answer is
from, by which rules, seed and version it was built, and which images are one patient's, is in our typed tables only.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from neuroonco import store
from neuroonco.build.records import ClosedItem, OpenItem, Option
from neuroonco.errors import InputError, printable
from neuroonco.outcomes import Quarantined, Record
from neuroonco.store import Loaded
from neuroonco.vocabulary import QuestionType, recode

R = TypeVar("R", bound=Record)

OPEN_TYPES = ("Detail", "Location", "Reasoning")
INDEX_FIELD = "meta_q_index"
"""Our addition to the format, written only where a question's index is not its place (after one was rejected)."""
TWIN_FIELD = "meta_twin_of"
"""Our addition to the format, written only in twins: the index of the question that they repeat."""
_CLOSED_FIELDS = {
    *("question_type", "question", "options", "answer", "meta_trap", "meta_original_answer"),
    *(INDEX_FIELD, TWIN_FIELD),
}
_OPEN_FIELDS = {"question_id", "question_type", "question", "reference_answer", "eval_keywords"}


def read_closed(path: Path) -> Loaded[ClosedItem]:
    """Closed questions from the reference's ``.json`` or our ``.parquet`` and ``.jsonl``.

    A question that cannot be read is set aside with its error and keeps its place: the others keep their
    ``q_index``.

    Raises:
        InputError: the file is missing, of an unknown format or not a list of images.
    """
    if path.suffix != ".json":
        return store.load(path, ClosedItem)
    return _read_grouped(path, "vqa_pairs", _decode_closed)


def read_open(path: Path) -> Loaded[OpenItem]:
    """Open questions from the reference's ``.json`` or our ``.parquet`` and ``.jsonl``.

    Raises:
        InputError: the file is missing, of an unknown format or not a list of images.
    """
    if path.suffix != ".json":
        return store.load(path, OpenItem)
    return _read_grouped(path, "qa_pairs", _decode_open)


def closed_document(items: Iterable[ClosedItem]) -> list[dict[str, Any]]:
    """The reference's closed document; images in the order of their first question.

    The format names an image by its file alone, so questions about one channel of a file are left out.
    """
    return _grouped(_of_whole_files(items), "vqa_pairs", _encode_closed)


def open_document(items: Iterable[OpenItem]) -> list[dict[str, Any]]:
    """The reference's open document; images in the order of their first question, channels left out as above."""
    return _grouped(_of_whole_files(items), "qa_pairs", _encode_open)


# --- reading ---


def _read_grouped(path: Path, field: str, decode: Callable[[str, str, int, dict[str, Any]], R]) -> Loaded[R]:
    document = store.read_json(path)
    if not isinstance(document, list):
        raise InputError("JSON_NOT_A_LIST", "expected a list of images", where=str(path))
    loaded: Loaded[R] = Loaded([], [])
    seen: set[str] = set()
    for number, image in enumerate(document):
        place = f"{path.name}#{number}"
        try:
            image_id, image_path, pairs = _image(image, field)
            store.require_text([image_id, image_path], place)
            if image_id in seen:
                raise InputError("ID_TWICE", f"id {image_id}: another image has it")
        except InputError as error:
            loaded.unreadable.append(_unreadable(place, f"image {number} of {path.name}", error))
            continue
        seen.add(image_id)
        for position, pair in enumerate(pairs):
            index = pair.get(INDEX_FIELD, position) if isinstance(pair, dict) else position
            try:
                store.require_text(pair, place)
                if isinstance(index, bool) or not isinstance(index, int):
                    raise InputError("FIELD_INVALID", f"{INDEX_FIELD}: expected a number")
                loaded.records.append(decode(image_id, image_path, index, _question(pair)))
            except (InputError, ValidationError) as error:
                where = f"image {image_id[:100]}, question {index} of {path.name}"
                loaded.unreadable.append(_unreadable(f"{image_id[:100]}#{index}", where, error))
    return loaded


def _image(image: Any, field: str) -> tuple[str, str, list[Any]]:
    if not isinstance(image, dict):
        raise InputError("ROW_NOT_AN_OBJECT", f"expected an object, found {type(image).__name__}")
    image_id, image_path, pairs = image.get("id"), image.get("image_path"), image.get(field)
    if isinstance(image_id, bool) or not isinstance(image_id, int | str) or image_id == "":
        raise InputError("FIELD_INVALID", "id: expected a number or a text")
    if not isinstance(image_path, str):
        raise InputError("FIELD_INVALID", "image_path: expected a text")
    if not isinstance(pairs, list):
        raise InputError("FIELD_INVALID", f"{field}: expected a list")
    if extra := sorted(set(image) - {"id", "image_path", field}):
        raise InputError("FIELD_UNKNOWN", f"{extra[0]}: no such field")
    return str(image_id), image_path, pairs


def _question(pair: Any) -> dict[str, Any]:
    if not isinstance(pair, dict):
        raise InputError("ROW_NOT_AN_OBJECT", f"expected an object, found {type(pair).__name__}")
    return pair


def _decode_closed(image_id: str, image_path: str, index: int, pair: dict[str, Any]) -> ClosedItem:
    _known_fields(pair, _CLOSED_FIELDS)
    kind = recode(QuestionType, _text(pair, "question_type"))
    if kind is None:
        raise InputError("QUESTION_TYPE_UNKNOWN", f"question_type {pair['question_type'][:50]!r}: not known")
    options = pair.get("options")
    if not isinstance(options, dict) or not options:
        raise InputError("FIELD_INVALID", "options: expected an object of letters and texts")
    if any(not isinstance(text, str) for text in options.values()):
        raise InputError("FIELD_INVALID", "options: expected texts")
    trap = pair.get("meta_trap", False)
    if not isinstance(trap, bool):
        raise InputError("FIELD_INVALID", "meta_trap: expected true or false")
    removed = pair.get("meta_original_answer")
    twin_of = pair.get(TWIN_FIELD)
    if twin_of is not None and (isinstance(twin_of, bool) or not isinstance(twin_of, int) or twin_of == index):
        raise InputError("FIELD_INVALID", f"{TWIN_FIELD}: expected the index of another question")
    return ClosedItem(
        image_id=image_id,
        q_index=index,
        slice_id=image_id,
        image_path=image_path,
        question_type=kind,
        question=_text(pair, "question"),
        options=tuple(Option(letter=letter, text=text) for letter, text in options.items()),
        answer=_text(pair, "answer"),
        is_rejection=trap,
        removed_answer=None if removed is None else _text(pair, "meta_original_answer"),
        label_source="unknown",
        twin_of=twin_of,
    )


def _decode_open(image_id: str, image_path: str, _index: int, pair: dict[str, Any]) -> OpenItem:
    _known_fields(pair, _OPEN_FIELDS)
    kind = _text(pair, "question_type")
    if kind not in OPEN_TYPES:
        raise InputError("QUESTION_TYPE_UNKNOWN", f"question_type {kind[:50]!r}: not known")
    keywords = pair.get("eval_keywords")
    if not isinstance(keywords, list) or any(not isinstance(word, str) for word in keywords):
        raise InputError("FIELD_INVALID", "eval_keywords: expected a list of texts")
    return OpenItem(
        image_id=image_id,
        question_id=_text(pair, "question_id"),
        slice_id=image_id,
        image_path=image_path,
        question_type=kind,
        question=_text(pair, "question"),
        reference_answer=_text(pair, "reference_answer"),
        key_terms=tuple(keywords),
    )


def _known_fields(pair: dict[str, Any], fields: set[str]) -> None:
    if extra := sorted(set(pair) - fields):
        raise InputError("FIELD_UNKNOWN", f"{extra[0]}: no such field")


def _text(pair: dict[str, Any], field: str) -> str:
    value = pair.get(field)
    if not isinstance(value, str):
        raise InputError("FIELD_INVALID", f"{field}: expected a text")
    return value


def _unreadable(identity: str, where: str, error: InputError | ValidationError) -> Quarantined:
    if isinstance(error, InputError):
        code, what = error.code, error.what
    else:
        first = error.errors(include_url=False)[0]
        code, what = "FIELD_INVALID", f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return Quarantined(slice_id=printable(identity), code=code, message=printable(f"{where}: {what}"))


# --- writing ---


def _of_whole_files(items: Iterable[Any]) -> list[Any]:
    return [item for item in items if item.is_whole_file]


def _grouped(items: Iterable[R], field: str, encode: Callable[[Any], dict[str, Any]]) -> list[dict[str, Any]]:
    images: dict[str, dict[str, Any]] = {}
    for item in items:
        image_id, image_path = _identity(item)
        image = images.setdefault(image_id, {"id": _number_or_text(image_id), "image_path": image_path, field: []})
        encoded = encode(item)
        index = getattr(item, "q_index", None)
        if index is not None and index != len(image[field]):
            encoded[INDEX_FIELD] = index
        image[field].append(encoded)
    return list(images.values())


def _identity(item: Record) -> tuple[str, str]:
    if not isinstance(item, ClosedItem | OpenItem):
        raise TypeError(f"no question: {type(item).__name__}")
    return item.image_id, item.image_path


def _number_or_text(image_id: str) -> int | str:
    canonical = image_id.isascii() and image_id.isdigit() and (image_id == "0" or image_id[0] != "0")
    return int(image_id) if canonical and len(image_id) < 16 else image_id


def _encode_closed(item: ClosedItem) -> dict[str, Any]:
    pair: dict[str, Any] = {
        "question_type": item.question_type.value,
        "question": item.question,
        "options": {option.letter: option.text for option in item.options},
        "answer": item.answer,
    }
    if item.is_rejection:
        pair |= {"meta_original_answer": item.removed_answer, "meta_trap": True}
    if item.twin_of is not None:
        pair[TWIN_FIELD] = item.twin_of
    return pair


def _encode_open(item: OpenItem) -> dict[str, Any]:
    return {
        "question_id": item.question_id,
        "question_type": item.question_type,
        "question": item.question,
        "reference_answer": item.reference_answer,
        "eval_keywords": list(item.key_terms),
    }
