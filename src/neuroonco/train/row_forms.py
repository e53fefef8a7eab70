"""One row of chat JSONL: the forms in which trainers take it, to one.

Three forms are read, and come to the same: the published one, ms-swift's (without ``meta``), and TRL's (typed parts in
place of texts); see :mod:`neuroonco.build.instruct.export`. A row is refused wherever another trainer would learn
something else from it than is learned here: fields that add videos, tools or rejected answers are no decoration. Other
fields beside ``images``, ``messages`` and ``meta``, e.g. ``id``, are ignored, and so is all of ``meta`` but ``id``.
"""

from itertools import cycle
from typing import Any

from neuroonco.errors import InputError
from neuroonco.models.records import Turn

IMAGE_TOKEN = "<image>"  # noqa: S105  (a placeholder in text, not a secret)
ROLES = ("system", "user", "assistant")
TRAINED_ELSEWHERE = frozenset(
    {
        *("image", "image_url", "video", "videos", "audio", "audios", "objects", "system", "tools", "prompt"),
        *("completion", "chosen", "rejected", "rejected_response", "rejected_messages", "rejected_images"),
    }
)
"""Fields of a row that LLaMA-Factory, ms-swift or TRL train on, and that have no meaning here.

Sources: the pages named in :mod:`neuroonco.build.instruct.export`.
"""
_NOTHING: tuple[Any, ...] = (None, "", [], {})


def conversation_of(raw: Any) -> tuple[tuple[str, ...], tuple[Turn, ...], str | None]:
    """Paths of images, turns and ``meta.id`` of a row; see :class:`neuroonco.train.rows.TrainingRow`.

    Args:
        raw: a row as JSON has it.

    Raises:
        InputError: ``ROW_INVALID``, ``ROLES``, ``IMAGE_TOKENS``: not a conversation that can be trained on.
    """
    if not isinstance(raw, dict) or not isinstance(raw.get("messages"), list):
        raise InputError("ROW_INVALID", "expected an object with images and messages")
    if unknown := sorted(name for name in TRAINED_ELSEWHERE & raw.keys() if raw[name] not in _NOTHING):
        raise InputError("ROW_INVALID", f"{', '.join(unknown)}: not trained on here")
    meta = {} if raw.get("meta") is None else raw["meta"]
    if not isinstance(meta, dict):
        raise InputError("ROW_INVALID", f"meta: expected an object, found {type(meta).__name__}")
    images = [] if raw.get("images") is None else raw["images"]
    if not isinstance(images, list):
        raise InputError("ROW_INVALID", f"images: expected a list of paths, found {type(images).__name__}")
    if any(not isinstance(name, str) or not name for name in images):
        raise InputError("ROW_INVALID", "an image is not a path")
    turns, placeholders = _turns(raw["messages"])
    if placeholders != len(images):
        raise InputError("IMAGE_TOKENS", f"{placeholders} image tokens for {len(images)} images")
    if placeholders > 1:
        raise InputError("ROW_INVALID", f"{placeholders} images; a conversation is about one")
    return tuple(map(_one_spelling, images)), turns, _text_of_id(meta.get("id"))


def _turns(messages: list[Any]) -> tuple[tuple[Turn, ...], int]:
    """Turns without placeholders, and how many of these the first of the user has."""
    _require_roles(messages)
    turns, placeholders, user_spoke = [], 0, False
    for place, message in enumerate(messages, start=1):
        if more := sorted(
            name for name, value in message.items() if name not in ("role", "content") and value not in _NOTHING
        ):
            raise InputError("ROW_INVALID", f"message {place}: {more[0]!r} is not trained on here")
        role, (text, found) = message["role"], _content(message.get("content"), place)
        if found and (role != "user" or user_spoke):
            where = "an assistant turn" if role == "assistant" else f"message {place}"
            raise InputError("IMAGE_TOKENS", f"image token in {where}; it stands in the first user turn only")
        user_spoke |= role == "user"
        if not text.strip():
            raise InputError("ROW_INVALID", f"message {place}: a message without text")
        placeholders += found
        turns.append(Turn(role=role, text=text))
    return tuple(turns), placeholders


def _require_roles(messages: list[Any]) -> None:
    if any(not isinstance(message, dict) for message in messages):
        raise InputError("ROW_INVALID", "a message is not an object")
    roles = [message.get("role") for message in messages]
    if unknown := [role for role in roles if role not in ROLES]:
        raise InputError("ROLES", f"unknown role {str(unknown[0])[:20]!r}; known are {', '.join(ROLES)}")
    spoken = roles[1:] if roles[:1] == ["system"] else roles
    in_turn = all(role == due for role, due in zip(spoken, cycle(("user", "assistant")), strict=False))
    if not spoken or len(spoken) % 2 or not in_turn:
        shown = ", ".join(roles[:4]) + (", …" if len(roles) > 4 else "")
        what = "expected user and assistant in turn, ending with assistant, after system at most"
        raise InputError("ROLES", f"{what}; found {shown or 'none'}")


def _content(content: Any, place: int) -> tuple[str, int]:
    """Text of a message without placeholders, and how many these were; they stand before all text."""
    if isinstance(content, str):
        found, text = 0, content
        while text.lstrip().startswith(IMAGE_TOKEN):
            found += 1
            text = text.lstrip().removeprefix(IMAGE_TOKEN)
            text = text.removeprefix("\r").removeprefix("\n")
        if IMAGE_TOKEN in text:
            # A model is shown the picture before the text: what is said in another order is not what is asked later.
            raise InputError("IMAGE_TOKENS", f"message {place}: image token inside the text; it stands at the head")
        return text, found
    if not isinstance(content, list):
        raise InputError("ROW_INVALID", f"message {place}: expected a text, found {type(content).__name__}")
    texts: list[str] = []
    found = 0
    for part in content:
        if _is_image(part, place):
            if texts:
                raise InputError("IMAGE_TOKENS", f"message {place}: image part behind a text; it stands at the head")
            found += 1
        elif IMAGE_TOKEN in part["text"]:
            what = f"message {place}: image token spelled in a typed part; it would be read as text"
            raise InputError("IMAGE_TOKENS", what)
        else:
            texts.append(part["text"])
    return "".join(texts), found


def _is_image(part: Any, place: int) -> bool:
    """Whether a typed part is the image's; a part that is of no use is refused."""
    kind = part.get("type") if isinstance(part, dict) else None
    if kind not in ("image", "text"):
        raise InputError("ROW_INVALID", f"message {place}: a part that is neither text nor image")
    if kind == "text" and not isinstance(part.get("text"), str):
        raise InputError("ROW_INVALID", f"message {place}: a text part without text")
    rest = {name: value for name, value in part.items() if name != "type" and (kind, name) != ("text", "text")}
    if more := sorted(name for name, value in rest.items() if value not in _NOTHING and (name, value) != ("index", 0)):
        raise InputError("ROW_INVALID", f"message {place}: {more[0]!r} of a part of type {kind} is not read")
    return bool(kind == "image")


def _one_spelling(path: str) -> str:
    """A relative path as it is written once; what is refused later stays as it is.

    >>> _one_spelling("./a//b.png"), _one_spelling("/etc/passwd")
    ('a/b.png', '/etc/passwd')
    """
    if path.startswith("/"):
        return path
    return "/".join(part for part in path.split("/") if part not in ("", ".")) or path


def _text_of_id(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
