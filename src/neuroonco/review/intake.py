"""How a benchmark comes into a room: each question under its opaque key, with its outline and what models stated."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from neuroonco.build.records import ClosedItem
from neuroonco.catalog.records import MaskRef
from neuroonco.errors import InputError
from neuroonco.outcomes import Quarantined, quarantine
from neuroonco.review.room_files import stays_below
from neuroonco.review.room_records import ModelNote, RoomItem
from neuroonco.review.sheet import item_key


@dataclass
class Intake:
    """Questions for a room, and those that nobody could judge.

    Attributes:
        items: by key.
        quarantined: with the reason, in the order of the benchmark.
        without_mask: whose outline cannot be used; the questions are among the items.
    """

    items: list[RoomItem] = field(default_factory=list)
    without_mask: list[Quarantined] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """Numbers for the summary line."""
        return {
            "questions": len(self.items),
            "with_mask": sum(one.mask is not None for one in self.items),
            "with_notes": sum(bool(one.notes) for one in self.items),
            "quarantined": len(self.quarantined),
        }


def take_in(
    items: Sequence[ClosedItem],
    masks: Mapping[str, MaskRef],
    notes: Mapping[str, Sequence[ModelNote]],
) -> Intake:
    """Turn a benchmark's questions into a room's.

    Questions that share image id and place share a key too: all of them are set aside, since nobody could say which one
    a judgement is about. Twins are questions like the others.

    Args:
        items: of the benchmark.
        masks: of their slices, by slice id.
        notes: on their slices, by slice id.
    """
    keys = [item_key(item) for item in items]
    times = Counter(keys)
    intake = Intake()
    for key, item in zip(keys, items, strict=True):
        error = _fault(item, times[key])
        if error is not None:
            intake.quarantined.append(
                quarantine(
                    error,
                    slice_id=item.slice_id,
                    sample_id=item.image_id,
                    source_id=item.source_id,
                    image_path=item.image_path,
                )
            )
            continue
        mask = masks.get(item.slice_id)
        if mask is not None and not stays_below(mask.path):
            bad = InputError("PATH_OUTSIDE_ROOT", "the mask's path leaves the root: no outline for this question")
            intake.without_mask.append(quarantine(bad, slice_id=item.slice_id, sample_id=item.image_id))
            mask = None
        noted = tuple(notes.get(item.slice_id, ()))
        intake.items.append(RoomItem(key=key, item=item, mask=mask, notes=noted))
    intake.items.sort(key=lambda one: one.key)
    return intake


def _fault(item: ClosedItem, times: int) -> InputError | None:
    letters = [option.letter for option in item.options]
    if times > 1:
        what = f"{times} questions have image id {item.image_id[:60]!r} and place {item.q_index}"
        return InputError("QUESTION_TWICE", what, fix="number the questions of an image")
    if len(letters) < 2 or len(set(letters)) != len(letters) or not all(letters):
        what = f"options {', '.join(letters)[:60]}: expected two or more different letters"
        return InputError("OPTIONS_INVALID", what, fix="repair the benchmark")
    if item.answer not in letters:
        return InputError("ANSWER_NOT_OFFERED", f"answer {item.answer[:20]!r} is not offered", fix="repair it")
    if not item.question.strip():
        return InputError("QUESTION_EMPTY", "a question without words", fix="repair the benchmark")
    if not stays_below(item.image_path):
        return InputError("PATH_OUTSIDE_ROOT", "the picture's path leaves the root", fix="use relative paths")
    return None
