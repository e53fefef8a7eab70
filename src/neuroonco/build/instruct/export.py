"""The same pairs in the forms that three trainers document; see docs/instructions.md for how each finds the images.

LLaMA-Factory reads our JSONL as it is and wants a description of it:
https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md (sharegpt, openai messages, images).
ms-swift's standard form has no place for our `meta`:
https://swift.readthedocs.io/en/latest/Customization/Custom-dataset.html (messages, images).
TRL takes the image from a part of the message, where a text would be read literally:
https://huggingface.co/docs/trl/data_utils (prepare_multimodal_messages), and the columns of
https://huggingface.co/datasets/HuggingFaceH4/llava-instruct-mix-vsft.
"""

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum

from neuroonco.build.instruct.chat import chat_line, messages
from neuroonco.build.instruct.records import FILE_KINDS, InstructionPair
from neuroonco.errors import UsageError

DATASET_INFO = "dataset_info.json"
Line = Callable[[InstructionPair], dict[str, object]]


class Export(StrEnum):
    """Trainers for which a form of its own is written; LLaMA-Factory's is the published JSONL."""

    LLAMA_FACTORY = "llama-factory"
    MS_SWIFT = "ms-swift"
    TRL = "trl"


def file_name(kind: str) -> str:
    """Published name of the file of one kind.

    >>> file_name("closed_cot")
    'instruction_closed_cot_train.jsonl'
    """
    return f"instruction_{kind}_train.jsonl"


def exports_of(text: str | None) -> tuple[Export, ...]:
    """Trainers named in a list with commas, each once, in our order.

    Raises:
        UsageError: a name that is not known.

    >>> exports_of("trl,ms-swift,trl")
    (<Export.MS_SWIFT: 'ms-swift'>, <Export.TRL: 'trl'>)
    """
    names = {name.strip() for name in (text or "").split(",")} - {""}
    if unknown := sorted(names - set(Export)):
        known = ", ".join(Export)
        raise UsageError("EXPORT_UNKNOWN", f"--export: no form {unknown[0]!r}", fix=f"use one or more of {known}")
    return tuple(export for export in Export if export in names)


def ms_swift_line(pair: InstructionPair) -> dict[str, object]:
    """A row of ms-swift's standard form: messages with a placeholder in the text, and the image's path."""
    return {"messages": messages(pair), "images": [pair.image_path]}


def trl_line(pair: InstructionPair) -> dict[str, object]:
    """A row of TRL's conversational form: messages in typed parts, and the image's path.

    Each part has both keys, so that every row of a column is of one type.
    """
    return {
        "messages": [
            {"role": "user", "content": [{"type": "image", "text": None}, {"type": "text", "text": pair.question}]},
            {"role": "assistant", "content": [{"type": "text", "text": pair.answer}]},
        ],
        "images": [pair.image_path],
    }


LINES: Mapping[str, Line] = {"": chat_line, "ms-swift": ms_swift_line, "trl": trl_line}
"""Folder below the output -> how its lines are made; the published files lie at the top."""


def folders_of(exports: Collection[Export]) -> list[str]:
    """Folders to write, the published files' first."""
    return ["", *(export.value for export in Export if export in exports and export.value in LINES)]


def dataset_info(kinds: Collection[str]) -> dict[str, object]:
    """LLaMA-Factory's description of the published files.

    Args:
        kinds: of the files that have a line; its reader fails on an empty file.
    """
    return {f"neuroonco_{kind}": _described(kind) for kind in FILE_KINDS if kind in kinds}


def _described(kind: str) -> dict[str, object]:
    return {
        "file_name": file_name(kind),
        "formatting": "sharegpt",
        "columns": {"messages": "messages", "images": "images"},
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
        },
    }
