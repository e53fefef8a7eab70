"""Small benchmarks with pictures for the tests of predicting, whose every name says what must not be told."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from closed_items import TYPES, closed_item
from fault_answers import schema_of, texts_of
from neuroonco import store
from neuroonco.build.records import ClosedItem, OpenItem

SENTINEL = "zyxglioma"
"""Stands in every id, path and piece of metadata, and in no question."""


def questions(images: int, each: int = 2) -> list[ClosedItem]:
    """Closed questions about pictures whose names tell the answer."""
    return [
        closed_item(
            f"{SENTINEL}_{n}", "ABCDE"[(n + q) % 5], q_index=q, image_path=f"{SENTINEL}/{n}.png", texts=TYPES
        ).model_copy(
            update={
                "slice_id": f"s_{SENTINEL}_{n}",
                "source_id": f"c_{SENTINEL}",
                "group_id": f"g_{SENTINEL}_{n}",
                "question": f"What is shown, part {q}?",
            }
        )
        for n in range(images)
        for q in range(each)
    ]


def open_questions(images: int, each: int = 2) -> list[OpenItem]:
    """Open questions about the same pictures."""
    return [
        OpenItem(
            image_id=f"{SENTINEL}_{n}",
            question_id=f"{SENTINEL}_{n}_q{q}",
            slice_id=f"s_{SENTINEL}_{n}",
            image_path=f"{SENTINEL}/{n}.png",
            question_type="Detail",
            question=f"Describe part {q}.",
            reference_answer=f"{SENTINEL} it is.",
            key_terms=(SENTINEL,),
        )
        for n in range(images)
        for q in range(each)
    ]


def draw(root: Path, images: int) -> Path:
    """Pictures of different content and size, with a text chunk that tells the answer."""
    (root / SENTINEL).mkdir(parents=True)
    for n in range(images):
        note = PngInfo()
        note.add_text("Comment", f"{SENTINEL} {n}")
        picture = Image.fromarray(np.full((40 + n, 48), 10 + 10 * n, np.uint8))
        picture.save(root / SENTINEL / f"{n}.png", pnginfo=note)
    return root


def saved(path: Path, items: Sequence[ClosedItem] | Sequence[OpenItem]) -> Path:
    """A benchmark as a file."""
    store.save(path, items, type(items[0]))  # type: ignore[type-var, arg-type]
    return path


def picked(request: dict[str, Any], letter: str = "B") -> str:
    """An answer to any request of predicting: always the same letter, or a text."""
    schema = schema_of(request)
    if schema is None:
        return f"The answer is {letter}." if "Options:" in texts_of(request) else "A round lesion."
    fields = schema["properties"]
    letters = {name: letter if "enum" in field else "A lesion." for name, field in fields.items()}
    return json.dumps(letters | ({"confidence": 0.75} if "confidence" in fields else {}))
