"""A Qwen3-VL small enough to be trained on a CPU: the real classes, random weights, a tokenizer made of instructions.

    python benchmarks/small_qwen.py FOLDER INSTRUCTIONS.jsonl [...]

The tokenizer is byte-level BPE that may merge across spaces within a sentence or an option, so that what instruction
data say again and again ("B. Well-circumscribed") is one token, and a sample is some 35 tokens, picture included.
Whatever else is asked falls apart into smaller tokens. Nothing in it knows an answer: the untrained model guesses.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

PADDING, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
VISION_START, VISION_END, IMAGE, VIDEO = "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"
SPECIAL = (PADDING, START, END, VISION_START, VISION_END, IMAGE, VIDEO)
PIECES = r"[^\n]*?[.?!:]( |(?=\n))(?<![A-E]\. )|[^\n]*\n+|[^\n]+"
"""What BPE does not merge across: ends of sentences and lines; the letter of an option stays with its text."""
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
    "<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
AROUND = ("user\n", "assistant\n", "\n")
ROWS_READ = 20_000
MERGED_PATCHES = 2


@dataclass(frozen=True)
class Shape:
    """Sizes of a model.

    Attributes:
        side_px: every picture is shown at so many pixels squared.
        vision_width, vision_layers, width, layers: of the tower and of the language model.
        head_width: of an attention head of the language model; a multiple of 8.
        vocabulary: most tokens.
        spread: standard deviation of random weights; some 1 / sqrt(width).
    """

    side_px: int = 96
    patch_px: int = 12
    vision_width: int = 128
    vision_layers: int = 3
    width: int = 128
    layers: int = 3
    head_width: int = 32
    vocabulary: int = 3000
    spread: float = 0.05


SMALL = Shape()
"""1.9 million weights; about 0.4 GFLOP to learn from a sample."""
MIDDLE = Shape(
    side_px=448,
    patch_px=16,
    vision_width=768,
    vision_layers=12,
    width=1536,
    layers=24,
    head_width=128,
    vocabulary=8000,
    spread=0.02,
)
"""0.8 billion weights, to see what a GPU makes of it."""


def make(
    folder: Path,
    texts: Iterable[str],
    *,
    seed: int,
    shape: Shape = SMALL,
    teach: Callable[[Any, Any], None] = lambda _model, _tokenizer: None,
) -> int:
    """Write configuration, tokenizer, processor, chat template and random weights.

    Args:
        folder: where to.
        texts: what the tokenizer is made of, e.g. :func:`texts_of`.
        seed: of the weights.
        shape: sizes.
        teach: is given model and tokenizer before they are written.

    Returns:
        How many weights it has.
    """
    import torch
    from transformers import Qwen2VLImageProcessorPil, Qwen3VLConfig, Qwen3VLForConditionalGeneration

    tokenizer = _tokenizer(texts, shape.vocabulary)
    pixels = shape.side_px**2
    pictures = Qwen2VLImageProcessorPil(
        size={"shortest_edge": pixels, "longest_edge": pixels}, patch_size=shape.patch_px, merge_size=MERGED_PATCHES
    )
    # A whole processor cannot be made without torchvision, for the sake of its videos; its files can.
    pictures.processor_class = "Qwen3VLProcessor"
    number = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL}
    heads = shape.width // shape.head_width
    sections = [shape.head_width // 4, shape.head_width // 8, shape.head_width // 8]
    config = Qwen3VLConfig(
        vision_config={
            "depth": shape.vision_layers,
            "hidden_size": shape.vision_width,
            "intermediate_size": 3 * shape.vision_width,
            "num_heads": max(shape.vision_width // 64, 4),
            "patch_size": shape.patch_px,
            "spatial_merge_size": MERGED_PATCHES,
            "temporal_patch_size": 2,
            "out_hidden_size": shape.width,
            "num_position_embeddings": (shape.side_px // shape.patch_px) ** 2,
            "deepstack_visual_indexes": [],
            "initializer_range": shape.spread,
        },
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": shape.width,
            "intermediate_size": 3 * shape.width,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": heads,
            "num_key_value_heads": heads,
            "head_dim": shape.head_width,
            "max_position_embeddings": 2048,
            "tie_word_embeddings": True,
            "initializer_range": shape.spread,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": sections,
                "mrope_interleaved": True,
            },
        },
        tie_word_embeddings=True,
        image_token_id=number[IMAGE],
        video_token_id=number[VIDEO],
        vision_start_token_id=number[VISION_START],
        vision_end_token_id=number[VISION_END],
    )
    torch.manual_seed(seed)
    model = Qwen3VLForConditionalGeneration(config)
    teach(model, tokenizer)
    model.eval()
    model.generation_config.eos_token_id = number[END]
    model.generation_config.pad_token_id = number[PADDING]
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    pictures.save_pretrained(folder)
    return int(model.num_parameters())


def texts_of(files: Sequence[Path], rows: int = ROWS_READ) -> Iterator[str]:
    """Texts of the first rows of each file of chat JSONL, without the placeholder of the picture."""
    for file in files:
        with file.open(encoding="utf-8") as lines:
            for line in islice(lines, rows):
                yield from AROUND
                for message in json.loads(line)["messages"]:
                    yield message["content"].removeprefix("<image>\n")


def _tokenizer(texts: Iterable[str], vocabulary: int) -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token=END, pad_token=PADDING, additional_special_tokens=list(SPECIAL)
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def main() -> None:
    """Write one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("instructions", type=Path, nargs="+", help="chat JSONL that the tokenizer is made of")
    parser.add_argument("--seed", type=int, default=2602)
    given = parser.parse_args()
    print(f"{make(given.folder, texts_of(given.instructions), seed=given.seed):,} weights")


if __name__ == "__main__":
    main()
