"""One line of the chat JSONL that the reference publishes and that trainers read."""

from neuroonco.build.instruct.records import InstructionPair

IMAGE_TOKEN = "<image>"  # noqa: S105  (a placeholder in text, not a secret)


def chat_line(pair: InstructionPair) -> dict[str, object]:
    """One line of a chat JSONL file: image, user text, assistant text, and where they come from."""
    return {
        "images": [pair.image_path],
        "messages": messages(pair),
        "meta": {
            "id": pair.slice_id,
            "pair_index": pair.pair_index,
            "question_type": pair.question_type.value,
            "subtype": pair.subtype,
            "source": pair.source_id,
        },
    }


def messages(pair: InstructionPair) -> list[dict[str, str]]:
    """The two turns; the image stands at the head of the user's."""
    return [
        {"role": "user", "content": f"{IMAGE_TOKEN}\n{pair.question}"},
        {"role": "assistant", "content": pair.answer},
    ]
