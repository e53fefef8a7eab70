"""Small review rooms for tests: invented questions about real small pictures, two readers and an adjudicator."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from neuroonco.build.records import NONE_OF_THE_ABOVE, ClosedItem, Option
from neuroonco.catalog.records import MaskRef
from neuroonco.review.judgement import judge
from neuroonco.review.room import Room
from neuroonco.review.room_records import (
    Assignment,
    Judgement,
    ModelNote,
    Person,
    RejectReason,
    Role,
    RoomItem,
    RoomSettings,
    Round,
    Saved,
)
from neuroonco.review.sheet import item_key
from neuroonco.vocabulary import MaskKind, QuestionType

READERS = ("ann", "bob")
ADJUDICATOR = "chris"
PEOPLE = (*(Person(name=name) for name in READERS), Person(name=ADJUDICATOR, role=Role.ADJUDICATOR))
SIDE_PX = 48
QUESTIONS: tuple[tuple[QuestionType, str, tuple[str, ...]], ...] = (
    (
        QuestionType.DIAGNOSIS,
        "Which type of tumor is shown?",
        ("Glioma", "Meningioma", "Pituitary tumor", "Metastasis", NONE_OF_THE_ABOVE),
    ),
    (QuestionType.SIZE, "How large is the lesion?", ("Small", "Medium", "Large")),
    (QuestionType.DIAGNOSIS, "Is the brain abnormal or healthy?", ("Abnormal", "Healthy")),
    (QuestionType.MODALITY, "Which MR sequence is this?", ("T1", "T1ce", "T2", "FLAIR")),
    (
        QuestionType.SHAPE,
        "Which shape does the lesion have?",
        ("Round", "Oval", "Lobulated", "Irregular", NONE_OF_THE_ABOVE),
    ),
)
"""Asked in turn; a picture has two of them, so that questions share pictures."""


def item_with(
    question: str = "Which type of tumor is shown?",
    options: Sequence[str] = ("Glioma", "Meningioma", "Metastasis", "Ependymoma", NONE_OF_THE_ABOVE),
    *,
    answer: str = "A",
    question_type: QuestionType = QuestionType.DIAGNOSIS,
    image_id: str = "glioma_image_0",
    q_index: int = 0,
    image_path: str = "glioma/slice_0.png",
    mask: MaskRef | None = None,
    notes: tuple[ModelNote, ...] = (),
) -> RoomItem:
    """One question with given texts; the options are lettered from A."""
    offered = tuple(Option(letter="ABCDEFGHI"[n], text=text) for n, text in enumerate(options))
    rejects = next((one.text for one in offered if one.letter == answer), None) == NONE_OF_THE_ABOVE
    item = ClosedItem(
        image_id=image_id,
        q_index=q_index,
        slice_id=f"slice_of_{image_id}",
        image_path=image_path,
        question_type=question_type,
        question=question,
        options=offered,
        answer=answer,
        is_rejection=rejects,
        removed_answer="Schwannoma" if rejects else None,
        label_source="source",
        source_id="collection_07",
        group_id=f"patient_of_{image_id}",
        rules="default",
        seed=0,
    )
    return RoomItem(key=item_key(item), item=item, mask=mask, notes=notes)


def room_items(n: int = 10) -> list[RoomItem]:
    """Questions of several types about ``(n + 1) // 2`` pictures, every third of which has a mask.

    Picture 0 is 8-bit gray, 1 is 16-bit gray, 2 is color, the rest are 8-bit gray again.
    """
    return [_item(number) for number in range(n)]


def _item(number: int) -> RoomItem:
    question_type, question, options = QUESTIONS[number % len(QUESTIONS)]
    picture = number // 2
    folder = _folder(picture)
    mask = MaskRef(path=f"masks/slice_{picture}.png", kind=MaskKind.BINARY) if picture % 3 == 0 else None
    notes = (
        ModelNote(reader="model-x", kind="conservative", statements={question_type.value: options[0]}),
        ModelNote(reader="model-y", kind="prediction", statements={"answer": options[-1]}),
    )
    return item_with(
        question,
        options,
        answer="ABCDE"[number * 2 % len(options)],
        question_type=question_type,
        image_id=f"{folder}_image_{picture}",
        q_index=number % 2,
        image_path=f"{folder}/slice_{picture}.png",
        mask=mask,
        notes=notes if number % 2 == 0 else (),
    )


def _folder(picture: int) -> str:
    return ("glioma", "meningioma", "healthy")[picture % 3]


def fill(
    folder: Path,
    n: int = 10,
    *,
    rounds: int = 2,
    proposed_shown: bool = False,
    place: str | Path | None = None,
) -> tuple[Room, Path]:
    """A room in ``folder/room.sqlite`` (or elsewhere) and the folder of its pictures; ann and bob read everything.

    The caller closes the room.
    """
    root = folder / "images"
    write_pictures(root, n)
    room = Room(folder / "room.sqlite" if place is None else place, create=True)
    items = room_items(n)
    assignments = [Assignment(key=item.key, reader=reader) for item in items for reader in READERS]
    room.set_up(room_settings(rounds=rounds, proposed_shown=proposed_shown), items, PEOPLE, assignments)
    return room, root


def room_settings(*, rounds: int = 2, proposed_shown: bool = False) -> RoomSettings:
    """Settings of an invented benchmark."""
    return RoomSettings(
        title="A small benchmark",
        rounds=rounds,
        proposed_shown=proposed_shown,
        benchmark_sha256="0" * 64,
        version="0.1.0",
        created_at="2026-01-01T00:00:00+00:00",
    )


def write_pictures(root: Path, n: int) -> None:
    """The pictures and masks of :func:`room_items`, as real PNG files."""
    for picture in range((n + 1) // 2):
        path = root / _folder(picture) / f"slice_{picture}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_png(_pixels(picture)))
        if picture % 3 == 0:
            mask = root / "masks" / f"slice_{picture}.png"
            mask.parent.mkdir(parents=True, exist_ok=True)
            mask.write_bytes(_png(np.where(_lesion(), 255, 0).astype(np.uint8)))


def _lesion() -> npt.NDArray[np.bool_]:
    y, x = np.ogrid[:SIDE_PX, :SIDE_PX]
    inside: npt.NDArray[np.bool_] = (y - 20) ** 2 + (x - 28) ** 2 < 64
    return inside


def _pixels(picture: int) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    y, x = np.ogrid[:SIDE_PX, :SIDE_PX]
    brain = (y - 24) ** 2 + (x - 24) ** 2 < 400
    gray = np.where(brain, 80 + 2 * x + picture, 0) + np.where(_lesion(), 60, 0)
    if picture == 1:
        return (gray * 257).astype(np.uint16)
    if picture == 2:
        return np.stack([gray, gray // 2, 255 - gray], axis=-1).astype(np.uint8)
    return gray.astype(np.uint8)


def _png(pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


# --- acting ---


def decide(
    room: Room,
    key: str,
    reader: str,
    answer: str | None = None,
    *,
    round: Round = Round.FIRST,
    based_on: int | None = None,
    save_id: str | None = None,
    unanswerable: bool = False,
    reason: RejectReason | None = None,
    new_question: str | None = None,
    comment: str | None = None,
    elapsed_s: float | None = None,
) -> Saved:
    """Save one judgement, based on the lane as it is unless told otherwise."""
    judgement = judgement_of(
        room,
        key,
        answer,
        unanswerable=unanswerable,
        reason=reason,
        new_question=new_question,
        comment=comment,
    )
    lane = room.lane(key, reader, round)
    version = lane.version if lane is not None else 0
    number = sum(1 for _ in room.events())
    plain = "".join(char if char.isascii() and char.isalnum() else "_" for char in reader)
    return room.save(
        key,
        reader,
        round,
        judgement,
        based_on=version if based_on is None else based_on,
        save_id=save_id or f"save-{number}-{plain}",
        elapsed_s=elapsed_s,
    )


def judgement_of(
    room: Room,
    key: str,
    answer: str | None = None,
    *,
    unanswerable: bool = False,
    reason: RejectReason | None = None,
    new_question: str | None = None,
    comment: str | None = None,
) -> Judgement:
    """A judgement about a question of the room."""
    item = room.item(key)
    assert item is not None
    return judge(
        item.item,
        answer=answer,
        unanswerable=unanswerable,
        reason=reason,
        new_question=new_question,
        comment=comment,
    )
