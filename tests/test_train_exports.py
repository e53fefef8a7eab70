"""A recipe for other trainers: names that they document, values that are the recipe's, and nothing left unsaid."""

import json
import math
import runpy
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from neuroonco.errors import InputError, UsageError
from neuroonco.train.exports.records import Target
from neuroonco.train.exports.write import export_recipe
from neuroonco.train.exports.yaml_text import yaml_text
from neuroonco.train.recipe import FoundRecipe
from neuroonco.train.records import Recipe

# Arguments of transformers' TrainingArguments that all of these trainers take, and the types they have there.
OF_TRANSFORMERS: dict[str, type | tuple[type, ...]] = {
    "bf16": bool, "dataloader_num_workers": int, "eval_steps": (int, float), "eval_strategy": str, "fp16": bool,
    "gradient_accumulation_steps": int, "learning_rate": float, "logging_steps": (int, float), "lr_scheduler_type": str,
    "max_grad_norm": float, "max_steps": int, "num_train_epochs": float, "optim": str, "output_dir": str,
    "per_device_eval_batch_size": int, "per_device_train_batch_size": int, "report_to": (str, list), "run_name": str,
    "save_steps": (int, float), "save_total_limit": int, "seed": int, "warmup_ratio": float, "weight_decay": float,
}  # fmt: skip
# llamafactory 0.9.5: hparams/{model,data,finetuning,training}_args.py; transformers up to 5.6 has warmup_ratio.
LLAMA_FACTORY = OF_TRANSFORMERS | {
    "cutoff_len": int, "dataset": str, "dataset_dir": str, "disable_gradient_checkpointing": bool, "do_train": bool,
    "double_quantization": bool, "finetuning_type": str, "flash_attn": str, "freeze_multi_modal_projector": bool,
    "freeze_vision_tower": bool, "image_max_pixels": int, "image_min_pixels": int, "lora_alpha": int,
    "lora_dropout": float, "lora_rank": int, "lora_target": str, "max_samples": int, "media_dir": str,
    "model_name_or_path": str, "quantization_bit": int, "quantization_method": str, "quantization_type": str,
    "stage": str, "template": str, "val_size": float,
}  # fmt: skip
# ms-swift 4.6.0: swift/arguments/**, swift/trainers/arguments.py, ENV of swift/cli/main.py.
MS_SWIFT = OF_TRANSFORMERS | {
    "ENV": dict, "adam_beta2": float, "attn_impl": str, "bnb_4bit_compute_dtype": str, "bnb_4bit_quant_type": str,
    "bnb_4bit_use_double_quant": bool, "data_seed": int, "dataset": list, "freeze_aligner": bool, "freeze_vit": bool,
    "gradient_checkpointing": bool, "lora_alpha": int, "lora_dropout": float, "lora_rank": int, "max_length": int,
    "model": str, "quant_bits": int, "quant_method": str, "split_dataset_ratio": float, "target_modules": list,
    "target_regex": str, "torch_dtype": str, "truncation_strategy": str, "tuner_type": str, "use_hf": bool,
}  # fmt: skip
# unsloth 2026.10.9: FastModel.from_pretrained, FastBaseModel.get_peft_model, UnslothVisionDataCollator.
UNSLOTH = {
    "model": {"model_name", "max_seq_length", "load_in_4bit", "full_finetuning", "use_gradient_checkpointing",
              "random_state"},
    "adapter": {"r", "lora_alpha", "lora_dropout", "bias", "target_modules", "finetune_vision_layers",
                "finetune_language_layers", "finetune_attention_modules", "finetune_mlp_modules",
                "use_gradient_checkpointing", "random_state"},
    "collator": {"max_seq_length", "resize", "train_on_responses_only", "instruction_part", "response_part"},
    "trainer": OF_TRANSFORMERS.keys() - {"warmup_ratio", "eval_strategy"} | {"max_length"},
}  # fmt: skip
QUESTION = "<image>\nHow is it?"


def found(tmp_path: Path, base: str = "Qwen/Qwen3-VL-8B-Instruct", files: int = 1, **parts: Any) -> FoundRecipe:
    """A recipe of other values than the defaults of any trainer, with its data."""
    given: dict[str, Any] = {
        "name": "tuned",
        "description": "of the tests",
        "model": {"base": base},
        "data": {"held_out_share": 0.25, "max_tokens": 700, "min_pixels": 4096, "max_pixels": 262144},
        "lora": {"rank": 24, "alpha": 40, "dropout": 0.1, "targets": ["q_proj", "v_proj"]},
        "optimization": {
            "epochs": 3.0, "learning_rate": 3e-05, "scheduler": "linear", "warmup_share": 0.07, "batch_size": 24,
            "device_batch_size": 3, "weight_decay": 0.02, "max_gradient_norm": 0.6, "seed": 11, "workers": 5,
        },
        "schedule": {"evaluate_every_steps": 31, "save_every_steps": 37, "keep": 4, "log_every_steps": 6},
    }  # fmt: skip
    for name, changes in parts.items():
        given[name] = {**given[name], **changes} if isinstance(changes, dict) else changes
    root = tmp_path / "pictures"
    root.mkdir(exist_ok=True)
    paths = []
    for number in range(files):
        lines = []
        for row in range(12):
            Image.new("L", (8, 8), 20 * row).save(root / f"case-{row % 6}.png")
            turns = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": f"{row}"}]
            lines.append({"images": [f"case-{row % 6}.png"], "messages": turns, "meta": {"id": "1"}})
        paths.append(tmp_path / "data" / str(number) / "rows.jsonl")
        paths[-1].parent.mkdir(parents=True, exist_ok=True)
        paths[-1].write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return FoundRecipe(Recipe.model_validate(given), tuple(paths), root, "3" * 64)


def written(recipe: FoundRecipe, target: Target, out: Path, devices: int = 1) -> dict[str, Any]:
    """The settings that the trainer reads, as it reads them."""
    export_recipe(recipe, target, out, devices=devices)
    if target is Target.UNSLOTH:
        return dict(json.loads((out / "settings.json").read_text("utf-8")))
    return dict(yaml.safe_load((out / "train.yaml").read_text("utf-8")))


VARIANTS: dict[str, dict[str, Any]] = {
    "adapter": {},
    "nf4": {"model": {"quantization": "nf4"}},
    "all weights": {"lora": None},
    "towers too": {"optimization": {"freeze_vision": False}},
    "few": {"data": {"max_rows": 7, "held_out_share": 0.0}, "optimization": {"max_steps": 5}},
    "own limits": {"data": {"min_pixels": None, "max_pixels": None}},
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("target", "schema"), [(Target.LLAMA_FACTORY, LLAMA_FACTORY), (Target.MS_SWIFT, MS_SWIFT)], ids=["lf", "swift"]
)
def test_every_key_is_documented_and_has_its_type(
    target: Target, schema: dict[str, Any], variant: str, tmp_path: Path
) -> None:
    given = written(found(tmp_path, **VARIANTS[variant]), target, tmp_path / "out")
    assert given.keys() <= schema.keys()
    for name, value in given.items():
        kinds = schema[name] if isinstance(schema[name], tuple) else (schema[name],)
        assert type(value) in kinds, name  # a learning rate that YAML takes for a text is none


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_argument_of_unsloth_is_documented(variant: str, tmp_path: Path) -> None:
    given = written(found(tmp_path, **VARIANTS[variant]), Target.UNSLOTH, tmp_path / "out")
    for name, known in UNSLOTH.items():
        assert (given[name] or {}).keys() <= set(known)


@pytest.mark.parametrize("devices", [1, 2, 4, 8])
@pytest.mark.parametrize("target", Target)
def test_samples_a_step_and_learning_rate_are_those_of_the_recipe(target: Target, devices: int, tmp_path: Path) -> None:
    given = written(found(tmp_path), target, tmp_path / "out", devices)
    trainer = given["trainer"] if target is Target.UNSLOTH else given
    on_device, accumulated = trainer["per_device_train_batch_size"], trainer["gradient_accumulation_steps"]
    assert on_device * accumulated * devices == 24
    assert (on_device, trainer["learning_rate"], trainer["num_train_epochs"]) == (3, 3e-05, 3.0)
    told = json.loads((tmp_path / "out" / "export.json").read_text("utf-8"))
    assert (told["devices"], told["accumulation"], told["batch_size"]) == (devices, accumulated, 24)
    assert (str(devices) in told["run"] or "NPROC_PER_NODE" in given.get("ENV", {})) == (devices > 1)


@pytest.mark.parametrize("target", Target)
def test_a_batch_that_cannot_be_divided_is_refused(target: Target, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="24 samples"):
        export_recipe(found(tmp_path), target, tmp_path / "out", devices=5)
    assert not (tmp_path / "out").exists()


def test_llama_factory_has_the_values_of_the_recipe(tmp_path: Path) -> None:
    given = written(found(tmp_path), Target.LLAMA_FACTORY, tmp_path / "out")
    expected = {
        "model_name_or_path": "Qwen/Qwen3-VL-8B-Instruct", "template": "qwen3_vl_nothink", "stage": "sft",
        "finetuning_type": "lora", "lora_target": "q_proj,v_proj", "lora_rank": 24, "lora_alpha": 40,
        "lora_dropout": 0.1, "freeze_vision_tower": True, "freeze_multi_modal_projector": True, "cutoff_len": 700,
        "image_max_pixels": 262144, "image_min_pixels": 4096, "val_size": 0.25, "bf16": True, "fp16": False,
        "lr_scheduler_type": "linear", "warmup_ratio": 0.07, "weight_decay": 0.02, "max_grad_norm": 0.6, "seed": 11,
        "dataloader_num_workers": 5, "eval_steps": 31, "save_steps": 37, "save_total_limit": 4, "logging_steps": 6,
        "dataset": "rows", "report_to": "none", "disable_gradient_checkpointing": False, "optim": "adamw_torch",
    }  # fmt: skip
    assert given | expected == given
    assert "max_steps" not in given
    assert "quantization_bit" not in given


def test_llama_factory_finds_our_files_and_pictures(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    out.parent.mkdir()
    given = written(found(tmp_path, files=2), Target.LLAMA_FACTORY, out)
    described = json.loads((out / "dataset_info.json").read_text("utf-8"))
    names = given["dataset"].split(",")
    assert list(described) == names == ["rows_1", "rows_2"]
    places = [(out / given["dataset_dir"] / described[name]["file_name"]).resolve() for name in names]
    assert places == [tmp_path / "data" / "0" / "rows.jsonl", tmp_path / "data" / "1" / "rows.jsonl"]
    row = json.loads(places[0].read_text("utf-8").splitlines()[0])
    shape = described["rows_1"]
    assert (out / given["media_dir"] / row[shape["columns"]["images"]][0]).is_file()
    tags = shape["tags"]
    turns = row[shape["columns"]["messages"]]
    assert [turn[tags["role_tag"]] for turn in turns] == [tags["user_tag"], tags["assistant_tag"]]
    assert all(turn[tags["content_tag"]] for turn in turns)


@pytest.mark.parametrize(
    ("base", "template"),
    [
        ("Qwen/Qwen3-VL-8B-Thinking", "qwen3_vl"),
        ("Qwen/Qwen2.5-VL-7B-Instruct", "qwen2_vl"),
        ("llava-hf/llava-1.5-7b-hf", "llava"),
        ("somebody/else", None),
    ],
)
def test_the_template_is_that_of_the_family_or_said_to_be_missing(
    base: str, template: str | None, tmp_path: Path
) -> None:
    recipe = found(tmp_path, base=base)
    exported = export_recipe(recipe, Target.LLAMA_FACTORY, tmp_path / "out")
    given = yaml.safe_load((tmp_path / "out" / "train.yaml").read_text("utf-8"))
    assert given.get("template") == template
    assert any("template: NOT WRITTEN" in line for line in exported.must_be_done) == (template is None)


def test_a_base_in_a_folder_is_named_from_inside_the_export_and_its_family_read(tmp_path: Path) -> None:
    base = tmp_path / "models" / "base-0"
    base.mkdir(parents=True)
    (base / "config.json").write_text(json.dumps({"model_type": "qwen3_vl"}))
    given = written(found(tmp_path, base=str(base)), Target.LLAMA_FACTORY, tmp_path / "out")
    assert given["model_name_or_path"] == "../models/base-0"
    assert given["template"] == "qwen3_vl_nothink"
    assert not [path.name for path in (tmp_path / "out").iterdir() if str(tmp_path) in path.read_text("utf-8")]


@pytest.mark.parametrize("target", Target)
def test_a_base_that_is_not_there_is_said_first(target: Target, tmp_path: Path) -> None:
    base = str(tmp_path / "models" / "gone")
    exported = export_recipe(found(tmp_path, base=base, data={"pictures": "blank"}), target, tmp_path / "out")
    first = exported.must_be_done[0]
    assert first.startswith("model.base: NOT FOUND, 'gone' ")
    assert "--model" in first
    page = (tmp_path / "out" / "README.txt").read_text("utf-8")
    assert page.index("must be done") < page.index(first) < page.index("blank") < page.index(exported.differs[0])
    assert not [path.name for path in (tmp_path / "out").iterdir() if str(tmp_path) in path.read_text("utf-8")]
    (tmp_path / "models" / "gone").mkdir(parents=True)
    there = export_recipe(found(tmp_path, base=base), target, tmp_path / "there")
    assert not [line for line in there.must_be_done if "NOT FOUND" in line]


def test_files_that_ms_swift_reads_otherwise_must_be_renamed(tmp_path: Path) -> None:
    recipe = found(tmp_path)
    odd = recipe.files[0].with_name("rows#2.jsonl")
    recipe.files[0].rename(odd)
    exported = export_recipe(FoundRecipe(recipe.recipe, (odd,), recipe.root, "3" * 64), Target.MS_SWIFT, tmp_path / "o")
    assert [line for line in exported.must_be_done if "rename the file" in line]


def test_ms_swift_has_the_values_of_the_recipe(tmp_path: Path) -> None:
    given = written(found(tmp_path), Target.MS_SWIFT, tmp_path / "out", devices=2)
    expected = {
        "model": "Qwen/Qwen3-VL-8B-Instruct", "tuner_type": "lora", "lora_rank": 24, "lora_alpha": 40,
        "lora_dropout": 0.1, "freeze_vit": True, "freeze_aligner": True, "dataset": ["../data/0/rows.jsonl"],
        "split_dataset_ratio": 0.25, "max_length": 700, "truncation_strategy": "delete", "torch_dtype": "bfloat16",
        "bf16": True, "fp16": False, "adam_beta2": 0.999, "weight_decay": 0.02, "seed": 11, "data_seed": 11,
        "lr_scheduler_type": "linear", "warmup_ratio": 0.07, "max_grad_norm": 0.6, "attn_impl": "sdpa",
        "ENV": {"ROOT_IMAGE_DIR": "../pictures", "MAX_PIXELS": "262144", "MIN_PIXELS": "4096", "NPROC_PER_NODE": "2"},
    }  # fmt: skip
    assert given | expected == given


def test_in_float32_ms_swift_is_told_not_to_take_float16(tmp_path: Path) -> None:
    given = written(found(tmp_path, model={"dtype": "float32"}), Target.MS_SWIFT, tmp_path / "out")
    assert (given["torch_dtype"], given["bf16"], given["fp16"]) == ("float32", False, False)


def test_ms_swift_puts_no_adapter_into_a_vision_tower(tmp_path: Path) -> None:
    import re

    pattern = written(found(tmp_path), Target.MS_SWIFT, tmp_path / "out")["target_regex"]
    matched = {
        "model.language_model.layers.0.self_attn.q_proj": True,
        "model.language_model.layers.11.self_attn.v_proj": True,
        "model.language_model.layers.0.self_attn.k_proj": False,
        "model.language_model.layers.0.self_attn.q_proj_norm": False,
        "model.vision_tower.vision_model.encoder.layers.0.self_attn.q_proj": False,
        "model.visual.blocks.0.attn.q_proj": False,
    }
    assert {name: bool(re.fullmatch(pattern, name)) for name in matched} == matched  # peft takes the whole name


def test_four_bits_and_all_weights(tmp_path: Path) -> None:
    four = written(found(tmp_path, model={"quantization": "nf4"}), Target.LLAMA_FACTORY, tmp_path / "a")
    assert (four["quantization_bit"], four["quantization_type"]) == (4, "nf4")
    swift = written(found(tmp_path, model={"quantization": "nf4"}), Target.MS_SWIFT, tmp_path / "b")
    assert (swift["quant_method"], swift["quant_bits"], swift["bnb_4bit_quant_type"]) == ("bnb", 4, "nf4")
    assert written(found(tmp_path, model={"quantization": "nf4"}), Target.UNSLOTH, tmp_path / "c")["model"][
        "load_in_4bit"
    ]
    whole = written(found(tmp_path, lora=None), Target.LLAMA_FACTORY, tmp_path / "d")
    assert whole["finetuning_type"] == "full"
    assert "lora_rank" not in whole
    assert written(found(tmp_path, lora=None), Target.MS_SWIFT, tmp_path / "e")["tuner_type"] == "full"
    unsloth = written(found(tmp_path, lora=None), Target.UNSLOTH, tmp_path / "f")
    assert (unsloth["adapter"], unsloth["model"]["full_finetuning"]) == (None, True)


@pytest.mark.parametrize("target", Target)
def test_what_a_trainer_cannot_do_is_said_and_never_dropped(target: Target, tmp_path: Path) -> None:
    recipe = found(tmp_path, files=2, data={"pictures": "blank", "max_rows": 6})
    exported = export_recipe(recipe, target, tmp_path / "out")
    told = exported.must_be_done + exported.differs
    assert "blank" in exported.must_be_done[0]
    assert "NOT EXPRESSED" in exported.must_be_done[0]
    assert any(line.startswith("data.max_rows") for line in told)
    assert not [line for line in exported.differs if "NOT " in line]
    assert any("hold" in line or "held" in line for line in told)
    page = (tmp_path / "out" / "README.txt").read_text("utf-8")
    assert all(line in page for line in told)
    assert all("\n" not in line for line in told)
    harmless = export_recipe(found(tmp_path, data={"held_out_share": 0.0}), target, tmp_path / "plain")
    assert harmless.must_be_done == ()
    assert "must be done" not in (tmp_path / "plain" / "README.txt").read_text("utf-8")
    plain = harmless.differs
    assert not [line for line in plain if "pictures =" in line or "held" in line or "max_rows" in line]


def test_the_same_recipe_gives_the_same_bytes_and_a_taken_place_is_refused(tmp_path: Path) -> None:
    for side in ("a", "b"):
        export_recipe(found(tmp_path), Target.MS_SWIFT, tmp_path / side)
    first, second = ({p.name: p.read_bytes() for p in (tmp_path / side).iterdir()} for side in ("a", "b"))
    assert first == second
    with pytest.raises(InputError) as raised:
        export_recipe(found(tmp_path), Target.UNSLOTH, tmp_path / "a")
    assert raised.value.code == "OUT_EXISTS"


def test_yaml_reads_back_as_what_was_written() -> None:
    given = {
        "float": 1e-05, "large": 1e22, "whole": 3.0, "text": 'a: "b" # c\n', "a": "yes", "b": "none", "c": True,
        "list": ["../a b.jsonl#7", 2], "table": {"PIXELS": "12", "x": "no"}, "unicode": "ä\u2028",
    }  # fmt: skip
    assert yaml.safe_load(yaml_text(given)) == given


# --- the program for Unsloth, run with stand-ins for the libraries ---


class Weight:
    def __init__(self) -> None:
        self.learned = True

    def requires_grad_(self, learned: bool) -> None:
        self.learned = learned


class Model:
    def __init__(self) -> None:
        self.weights = {"model.visual.blocks.0": Weight(), "model.language_model.layers.0": Weight()}

    def named_parameters(self) -> list[tuple[str, Weight]]:
        return list(self.weights.items())

    def save_pretrained(self, place: str) -> None:
        assert place == "trained/result"


def run_for_unsloth(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the program tells the libraries."""
    told: dict[str, Any] = {"model": Model()}
    processor = types.SimpleNamespace(
        image_processor=types.SimpleNamespace(size={"shortest_edge": 1, "longest_edge": 2}),
        save_pretrained=lambda place: told.update(saved=place),
    )

    class FastVisionModel:
        @staticmethod
        def from_pretrained(**given: Any) -> Any:
            told["loaded"] = given
            return told["model"], processor

        @staticmethod
        def get_peft_model(model: Any, **given: Any) -> Any:
            told["adapter"] = given
            return model

        @staticmethod
        def for_training(_model: Any) -> None:
            told["prepared"] = True

    class Trainer:
        def __init__(self, **given: Any) -> None:
            told.update(given)

        def train(self) -> None:
            told["trained"] = True

    def collator(model: Any, given_processor: Any, **given: Any) -> dict[str, Any]:
        return given

    parts = {
        "unsloth": {"FastVisionModel": FastVisionModel},
        "unsloth.trainer": {"UnslothVisionDataCollator": collator},
        "trl": {"SFTConfig": lambda **given: given, "SFTTrainer": Trainer},
    }
    for name, content in parts.items():
        module = types.ModuleType(name)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.chdir(folder)
    runpy.run_path(str(folder / "train.py"), run_name="__main__")
    told["size"] = processor.image_processor.size
    return told


def test_the_program_for_unsloth_trains_as_the_recipe_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    export_recipe(found(tmp_path, optimization={"batch_size": 6}), Target.UNSLOTH, out)
    told = run_for_unsloth(out, monkeypatch)
    assert told["loaded"]["model_name"] == "Qwen/Qwen3-VL-8B-Instruct"
    assert told["adapter"]["target_modules"] == ["q_proj", "v_proj"]
    assert (told["adapter"]["r"], told["adapter"]["lora_alpha"]) == (24, 40)
    assert told["adapter"]["finetune_vision_layers"] is False
    assert told["size"] == {"shortest_edge": 4096, "longest_edge": 262144}
    train, held_out = told["train_dataset"], told["eval_dataset"]
    assert len(train) + len(held_out) == 12
    shown, judged = ({path for row in rows for path in row["images"]} for rows in (train, held_out))
    assert len(judged) == 2  # a quarter of six pictures, rounded
    assert not shown & judged
    user, assistant = train[0]["messages"]
    assert [part["type"] for part in user["content"]] == ["image", "text"]
    assert user["content"][1]["text"] == "How is it?"
    assert assistant["role"] == "assistant"
    opened = told["data_collator"]["formatting_func"](train[0])
    assert (opened["images"][0].mode, opened["images"][0].size) == ("RGB", (8, 8))
    assert told["data_collator"]["response_part"] == "<|im_start|>assistant\n"
    assert told["data_collator"]["train_on_responses_only"] is True
    settings = told["args"]
    # 8 rows in batches of 3, two of them a step: 2 steps an epoch, 6 in all, of which 7 % are begun within one.
    assert settings["warmup_steps"] == math.ceil(0.07 * 6) == 1
    assert settings["eval_strategy"] == "steps"
    assert told["trained"]
    assert told["saved"] == "trained/result"


def test_the_program_for_unsloth_freezes_the_tower_where_all_weights_are_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    export_recipe(found(tmp_path, lora=None, data={"held_out_share": 0.0, "max_rows": 5}), Target.UNSLOTH, out)
    told = run_for_unsloth(out, monkeypatch)
    assert "adapter" not in told
    learned = {name: weight.learned for name, weight in told["model"].weights.items()}
    assert learned == {"model.visual.blocks.0": False, "model.language_model.layers.0": True}
    assert (len(told["train_dataset"]), told["eval_dataset"], told["args"]["eval_strategy"]) == (5, None, "no")
