"""What is known of a question's image: its MR sequence and its collection, for figures by either."""

import re
from collections.abc import Mapping, Sequence

from neuroonco.build.records import ClosedItem
from neuroonco.vocabulary import MRSequence, QuestionType, TumorType, interop, recode

NOT_KNOWN = "(none)"
_SOURCE_FOLDER = re.compile(r"([^/]+)/([0-9]{2})(?:_[^/]*)?/[^/]")
"""The reference's layout: ``<label>/<number of the source>_<what it holds>/…``."""
_LABELS = frozenset(interop(label) for label in TumorType)


def sequence_names(items: Sequence[ClosedItem], given: Mapping[str, MRSequence | None] | None) -> list[str]:
    """Sequence of each question's image.

    Args:
        items: the questions, twins included: they can tell what an image shows as well.
        given: slice id -> sequence, e.g. of the catalogue. Where it has none, the image's own question about the
            sequence says it: its answer, or the answer that was removed; two that differ say nothing.

    Returns:
        Token of the sequence, or :data:`NOT_KNOWN`, for each question.
    """
    told: dict[str, set[MRSequence]] = {}
    for item in items:
        if item.question_type is QuestionType.MODALITY:
            text = item.removed_answer if item.rejects else item.text_of(item.answer)
            found = None if text is None else recode(MRSequence, text)
            if found is not None:
                told.setdefault(item.image_id, set()).add(found)
    names = []
    for item in items:
        sequence = None if given is None else given.get(item.slice_id)
        if sequence is None and len(own := told.get(item.image_id, set())) == 1:
            sequence = next(iter(own))
        names.append(NOT_KNOWN if sequence is None else sequence.value)
    return names


def source_name(item: ClosedItem) -> str:
    """The collection that a question names, else the number in its path where that has the reference's layout.

    The published benchmark names no collection, but its paths do. A number in another place, as in a folder of
    patients, is none of a collection: the first folder has to be one of the reference's labels.
    """
    if item.source_id is not None:
        return item.source_id
    found = _SOURCE_FOLDER.match(item.image_path)
    return found[2] if found is not None and found[1] in _LABELS else NOT_KNOWN
