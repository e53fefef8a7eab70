"""What a small Qwen3-VL brings along before a study, in place of what large ones learned elsewhere: to read.

A few terms are stated at random in a text, and a question is asked; the answer is the letter of the term that belongs
to it, or E where it is not offered. Questions and options are those of instruction data; no picture is shown, and no
answer of any slice is in it. Afterwards the model takes a letter for a term that is stated, and cannot see.
"""

import json
import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

BATCH = 32
LEARNING_RATE = 1.5e-3
WARMUP = 100
LAST_RATE = 0.02
MAX_NORM = 1.0
NONE = "None of the above"
OPTIONS = "\nOptions:\n"
MOST_BESIDE = 5
IMAGE = "<image>\n"
SAID_EVERY = 100


class Reading:
    """Questions of closed instruction data, about terms that are stated in the text.

    Args:
        instructions: chat JSONL of closed questions without explanations; their answers are not read.
        seed: of what is stated and asked.
    """

    def __init__(self, instructions: Path, seed: int) -> None:
        self._random = random.Random(seed)
        self._terms: dict[str, list[str]] = {}
        self._asked: list[tuple[str, str, dict[str, str]]] = []
        found = defaultdict(set)
        for line in instructions.read_text("utf-8").splitlines():
            row = json.loads(line)
            question = row["messages"][0]["content"].removeprefix(IMAGE)
            offered = question.partition(OPTIONS)[2].partition("\n\n")[0].split("\n")
            letters = {text: letter for letter, _, text in (option.partition(". ") for option in offered)}
            kind = row["meta"]["question_type"]
            kind = kind if NONE in letters or len(letters) > 2 else f"{kind}: {sorted(letters)}"
            found[kind] |= letters.keys() - {NONE}
            self._asked.append((kind, question, letters))
        self._terms = {kind: sorted(terms) for kind, terms in sorted(found.items())}

    def stated(self) -> Iterator[str]:
        """Each term as it is stated, for a tokenizer."""
        for terms in self._terms.values():
            yield "".join(f"{term}. " for term in terms)

    def sample(self) -> tuple[str, str]:
        """A text with a question, and the letter that answers it."""
        draw = self._random
        kind, question, letters = draw.choice(self._asked)
        offered = [term for term in letters if term != NONE]
        missing = [term for term in self._terms[kind] if term not in letters]
        truth = draw.choice(missing if NONE in letters and missing and draw.random() < 1 / len(letters) else offered)
        rest = [other for other in self._terms if other != kind]
        others = draw.sample(rest, draw.randint(0, min(MOST_BESIDE, len(rest))))
        terms = [truth, *(draw.choice(self._terms[other]) for other in others)]
        draw.shuffle(terms)
        return "".join(f"{term}. " for term in terms) + "\n" + question, letters.get(truth, "E")


def teach_reading(model: Any, tokenizer: Any, lessons: Reading, steps: int) -> float:
    """Train the language model on texts; gives the share of letters that were right in the last hundred steps."""
    letters = {letter: tokenizer.convert_tokens_to_ids(letter) for letter in "ABCDE"}
    end = tokenizer.eos_token_id
    weights = [weight for name, weight in model.named_parameters() if "visual" not in name]
    right: list[float] = []

    def loss_of() -> Any:
        samples = [lessons.sample() for _ in range(BATCH)]
        said = [f"{asked(text)}{letter}" for text, letter in samples]
        inputs = tokenizer(said, padding=True, padding_side="left", return_tensors="pt")
        logits = model(**{name: inputs[name] for name in ("input_ids", "attention_mask")}, logits_to_keep=2).logits
        wanted = torch.tensor([[letters[letter], end] for _, letter in samples])
        right.append(float((logits[:, 0].argmax(1) == wanted[:, 0]).float().mean()))
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten())

    _learn(weights, loss_of, steps)
    return sum(right[-SAID_EVERY:]) / len(right[-SAID_EVERY:])


def asked(text: str) -> str:
    """The prompt that the chat template makes of a text."""
    return f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"


def _learn(weights: Sequence[Any], loss_of: Callable[[], Any], steps: int) -> None:
    """AdamW with warm-up and a cosine."""
    optimizer = torch.optim.AdamW(weights, lr=LEARNING_RATE, weight_decay=0.02, betas=(0.9, 0.98))
    losses: list[float] = []
    for step in range(steps):
        falling = max(LAST_RATE, 0.5 * (1 + math.cos(math.pi * step / steps)))
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, (step + 1) / WARMUP) * falling
        loss = loss_of()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, MAX_NORM)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
        if (step + 1) % SAID_EVERY == 0:
            print(f"reading: step {step + 1} of {steps}, loss {sum(losses[-SAID_EVERY:]) / SAID_EVERY:.3f}", flush=True)
