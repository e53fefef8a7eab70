"""Small benchmarks with pictures, and replies of all kinds, for the tests of exports."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from closed_items import closed_item
from neuroonco import store
from neuroonco.build.records import NONE_OF_THE_ABOVE, ClosedItem, OpenItem
from neuroonco.export.replies import Ending
from neuroonco.vocabulary import QuestionType

FOLDER = "Glioma_collection"
PATIENT = "patient-Smith"
IMAGES = 5
EDEMA = ("None", "Mild", "Moderate", "Severe", NONE_OF_THE_ABOVE)


def closed_benchmark(root: Path, images: int = IMAGES) -> list[ClosedItem]:
    """Three questions an image, the first one with a twin; file names, ids and metadata that must not leave."""
    items = []
    for n in range(images):
        picture(root, n)
        place = f"{FOLDER}/{PATIENT}-{n}.png"
        kinds = (
            closed_item(f"{PATIENT}-{n}", "ABCDE"[n % 5], image_path=place),
            closed_item(f"{PATIENT}-{n}", "AB"[n % 2], q_index=1, texts=("Healthy", "Abnormal"), image_path=place),
            closed_item(
                f"{PATIENT}-{n}",
                "EABCD"[n % 5],
                q_index=2,
                texts=EDEMA,
                question_type=QuestionType.EDEMA,
                image_path=place,
            ),
        )
        items += [item.model_copy(update={"group_id": f"group-{PATIENT}"}) for item in kinds]
        items.append(items[-3].model_copy(update={"q_index": 3, "twin_of": 0, "answer": "E"}))
    return items


def open_benchmark(root: Path, images: int = 3) -> list[OpenItem]:
    """One open question an image."""
    items = []
    for n in range(images):
        picture(root, n)
        items.append(
            OpenItem(
                image_id=f"{PATIENT}-{n}",
                question_id="detail",
                slice_id=f"s{n}",
                image_path=f"{FOLDER}/{PATIENT}-{n}.png",
                question_type="Detail",
                question="Describe the lesion.",
                reference_answer="A round lesion with mild edema.",
                key_terms=("round", "mild"),
                source_id="01",
            )
        )
    return items


def picture(root: Path, n: int) -> None:
    """A color picture with text in its metadata."""
    path = root / FOLDER / f"{PATIENT}-{n}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(n).integers(0, 255, (40 + n, 48, 3), np.uint8)
    words = PngInfo()
    words.add_text("Diagnosis", PATIENT)
    Image.fromarray(pixels).save(path, pnginfo=words)


def written(root: Path, items: Sequence[ClosedItem] | Sequence[OpenItem], name: str = "benchmark.jsonl") -> Path:
    """A file of the benchmark."""
    path = root / name
    store.save(path, items, type(items[0]))
    return path


def replies_to(items: Sequence[ClosedItem]) -> list[tuple[str, Ending]]:
    """A reply to each question: right, wrong, unreadable, rejecting, refused and cut off ones."""
    found = []
    for n, item in enumerate(items):
        wrong = next(option.letter for option in item.options if option.letter != item.answer)
        found.append(
            (
                (f'{{"answer": "{item.answer}"}}', Ending.WHOLE),
                (f"A large lesion is seen.\n\n**Answer:** ({item.answer})", Ending.WHOLE),
                (f"Final: {wrong}", Ending.WHOLE),
                ("garbage", Ending.WHOLE),
                (NONE_OF_THE_ABOVE, Ending.WHOLE),
                (f"The answer is {item.answer}", Ending.CUT_OFF),
                ("I cannot help with this.", Ending.REFUSED),
                ("", Ending.WHOLE),
                (f"\\boxed{{{item.answer}}}", Ending.WHOLE),
            )[n % 9]
        )
    return found
