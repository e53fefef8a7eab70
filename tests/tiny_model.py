"""A vision-language model of a few thousand random weights, made on the spot: it can be served, and knows nothing.

python tests/tiny_model.py FOLDER
"""

import sys
from pathlib import Path

SIDE_PX = 32
PATCH_PX = 8
UNKNOWN, PADDING, START, END, IMAGE = SPECIAL = ("<unk>", "<pad>", "<s>", "</s>", "<image>")
WORDS = ["round", "oval", "left", "right", "bright", "dark", "lesion", "none"]
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }} : "
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image> {% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %} "
    "{% endfor %}assistant :"
)


def make(folder: Path) -> None:
    """Write configuration, tokenizer, processor and random weights of a tiny LLaVA."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        CLIPImageProcessorPil,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
        PreTrainedTokenizerFast,
    )

    vocabulary = {word: number for number, word in enumerate([*SPECIAL, "user", "assistant", ":", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token=UNKNOWN,
        pad_token=PADDING,
        bos_token=START,
        eos_token=END,
        additional_special_tokens=[IMAGE],
    )
    square = {"height": SIDE_PX, "width": SIDE_PX}
    processor = LlavaProcessor(
        image_processor=CLIPImageProcessorPil(size=square, crop_size=square),
        tokenizer=fast,
        patch_size=PATCH_PX,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=CHAT_TEMPLATE,
    )
    small = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**small, image_size=SIDE_PX, patch_size=PATCH_PX, projection_dim=16),
        text_config=LlamaConfig(**small, vocab_size=len(vocabulary), num_key_value_heads=2, eos_token_id=None),
        image_token_index=vocabulary[IMAGE],
        vision_feature_layer=-2,
    )
    torch.manual_seed(7)
    model = LlavaForConditionalGeneration(config).eval()
    # No end and no special token is ever likely, so that the answer is words up to the limit of tokens.
    model.generation_config.suppress_tokens = list(range(len(SPECIAL)))
    model.generation_config.pad_token_id = vocabulary[PADDING]
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
