"""A Qwen3-VL of a few thousand random weights with a tokenizer trained on the spot: the real classes, no knowledge.

python tests/tiny_qwen.py FOLDER
"""

import sys
from pathlib import Path

PATCH_PX = 8
MERGED_PATCHES = 2
PIXELS = {"shortest_edge": 32 * 32, "longest_edge": 64 * 64}
START, END, PADDING = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
VISION_START, VISION_END, IMAGE, VIDEO = "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"
SPECIAL = (PADDING, START, END, VISION_START, VISION_END, IMAGE, VIDEO)
TEXTS = ("Which shape has the lesion? Answer: A", "A. Round B. Oval C. Irregular D. Lobulated E. None of the above")
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
    "<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make(folder: Path, *, ends: bool = True) -> None:
    """Write configuration, tokenizer, processor, chat template and random weights of a tiny Qwen3-VL.

    Args:
        folder: where to.
        ends: whether an answer may end before its limit of tokens.
    """
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import (
        PreTrainedTokenizerFast,
        Qwen2VLImageProcessorPil,
        Qwen3VLConfig,
        Qwen3VLForConditionalGeneration,
    )

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS * 20, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END, pad_token=PADDING, additional_special_tokens=list(SPECIAL)
    )
    fast.chat_template = CHAT_TEMPLATE
    pictures = Qwen2VLImageProcessorPil(size=PIXELS, patch_size=PATCH_PX, merge_size=MERGED_PATCHES)
    # A whole processor cannot be made without torchvision, for the sake of its videos; its files can.
    pictures.processor_class = "Qwen3VLProcessor"
    number = {token: fast.convert_tokens_to_ids(token) for token in SPECIAL}
    config = Qwen3VLConfig(
        vision_config={
            "depth": 2,
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_heads": 2,
            "patch_size": PATCH_PX,
            "spatial_merge_size": MERGED_PATCHES,
            "temporal_patch_size": 2,
            "out_hidden_size": 32,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0],
        },
        text_config={
            "vocab_size": len(fast),
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 8,
            "max_position_embeddings": 512,
            "initializer_range": 0.5,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [2, 1, 1],
                "mrope_interleaved": True,
            },
        },
        image_token_id=number[IMAGE],
        video_token_id=number[VIDEO],
        vision_start_token_id=number[VISION_START],
        vision_end_token_id=number[VISION_END],
    )
    torch.manual_seed(7)
    model = Qwen3VLForConditionalGeneration(config).eval()
    model.generation_config.eos_token_id = number[END]
    model.generation_config.pad_token_id = number[PADDING]
    if not ends:
        model.generation_config.suppress_tokens = list(range(len(SPECIAL)))
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    pictures.save_pretrained(folder)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
