"""What instruction files hold, counted while they are written."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from xxhash import xxh3_64_intdigest

from neuroonco.build.instruct.records import FILE_KINDS, InstructionPair

STATISTICS = "statistics.json"
OPTIONS = "\nOptions:\n"
"""Between the stem of a closed question and its options."""
OF_SEVERAL_FACTS = ("detail", "reasoning")
"""Subtypes that ask several facts: no question type is theirs, and they stand beside the types."""


class PairCounts:
    """Counts pairs as they pass; holds numbers, and of each distinct question a hash (some 80 bytes)."""

    def __init__(self) -> None:
        self.pairs: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.images = 0
        self.images_by_class: Counter[str] = Counter()
        self._by: dict[str, dict[str, Counter[str]]] = {
            name: {kind: Counter() for kind in FILE_KINDS} for name in ("type", "class", "source", "subtype", "writer")
        }
        self._stems: set[int] = set()

    def image(self, class_name: str) -> None:
        """Count an image of which at least one pair is written."""
        self.images += 1
        self.images_by_class[class_name] += 1

    def pair(self, pair: InstructionPair, class_name: str) -> None:
        """Count a pair that is written."""
        kind = pair.file_kind
        self.pairs[kind] += 1
        several = pair.subtype in OF_SEVERAL_FACTS
        self._by["type"][kind][pair.subtype if several else pair.question_type.value] += 1
        self._by["class"][kind][class_name] += 1
        self._by["source"][kind][pair.source_id] += 1
        self._by["subtype"][kind][pair.subtype] += 1
        self._by["writer"][kind][pair.writer] += 1
        self._stems.add(xxh3_64_intdigest(stem(pair.question).encode()))

    def fault(self, code: str) -> None:
        """Count a fault for which a pair is left out."""
        self.faults[code] += 1

    def document(self) -> dict[str, Any]:
        """The numbers, as ``statistics.json`` holds them.

        ``pairs``, ``by_type``, ``by_class``, ``by_source``, ``by_subtype`` and ``by_writer`` count pairs by file. In
        ``by_type`` a pair about one fact counts for its question type, and one about several under its subtype,
        ``detail`` or ``reasoning``. ``images`` and ``images_by_class`` count the images that the pairs are about;
        ``faults`` counts what the pairs left out had; ``distinct_questions`` counts wordings without their options.
        """
        return {
            "pairs": {kind: self.pairs[kind] for kind in FILE_KINDS},
            "images": self.images,
            "images_by_class": _ordered(self.images_by_class),
            **{
                f"by_{name}": {kind: _ordered(counts[kind]) for kind in FILE_KINDS} for name, counts in self._by.items()
            },
            "faults": _ordered(self.faults),
            "distinct_questions": len(self._stems),
        }


def stem(question: str) -> str:
    r"""A question without its options.

    >>> stem("Which sequence is this?\nOptions:\nA. T1\nB. T2\n\nAnswer with the option letter only.")
    'Which sequence is this?'
    """
    return question.partition(OPTIONS)[0]


def _ordered(counts: Mapping[str, int]) -> dict[str, int]:
    """Most frequent first, ties by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
