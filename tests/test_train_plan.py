"""The plan of a training: parameters, memory and steps as the libraries have them, and what is refused."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroonco.errors import InputError, NeuroOncoError, PrerequisiteError, UsageError
from neuroonco.train.memory import (
    GIB,
    BatchShape,
    Sharding,
    available_gib,
    estimate,
    sharding_of,
)
from neuroonco.train.model_shape import (
    ModelShape,
    TowerShape,
    model_shape,
    require_pictures,
    require_whole_weights,
    shape_of,
)
from neuroonco.train.plan import Planned, largest_batch, plan_training, require_possible, steps_of, warnings_of
from neuroonco.train.recipe import FoundRecipe, read_recipe, recipe_sha256
from neuroonco.train.records import Recipe

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

from neuroonco.models.local_checkpoint import find  # noqa: E402
from neuroonco.train.loading import adapter_config  # noqa: E402
from training_fixtures import recipe_of, write_training  # noqa: E402

PARTS = ("weights_gib", "gradients_gib", "optimizer_gib", "activations_gib", "logits_gib")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("plan")
    write_training(made)
    write_training(made, model="tiny-llava")
    return made


@pytest.fixture(scope="module")
def qwen_8b() -> ModelShape:
    """Counted from the published sizes of Qwen3-VL-8B-Instruct, without its files."""
    return shape_of(qwen(), of_recipe("neuroonco-gpt"))


def qwen() -> Any:
    return transformers.Qwen3VLConfig(
        vision_config={"out_hidden_size": 4096},  # the rest are the defaults of the class: depth 27, hidden 1152
        text_config={
            "hidden_size": 4096,
            "intermediate_size": 12288,
            "num_hidden_layers": 36,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "vocab_size": 151936,
            "rope_parameters": {"rope_type": "default", "rope_theta": 5e6, "mrope_section": [24, 20, 20]},
        },
    )


def of_recipe(name: str, **parts: Any) -> Recipe:
    document = read_recipe(name)[0].model_dump()
    for part, values in parts.items():
        document[part] = {**document[part], **values} if isinstance(values, dict) else values
    return Recipe.model_validate(document)


def found_of(folder: Path, **parts: Any) -> FoundRecipe:
    recipe = recipe_of(folder, **parts)
    return FoundRecipe(recipe, tuple(map(Path, recipe.data.files)), Path(str(recipe.data.root)), recipe_sha256(recipe))


def code_of(call: Any, kind: type[NeuroOncoError]) -> str:
    with pytest.raises(kind) as caught:
        call()
    assert "\n" not in caught.value.line
    return caught.value.code


# --- parameters ---


# peft 0.21 asks the model by a name that transformers 5.23 is about to drop
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")
@pytest.mark.parametrize("model", ["tiny-qwen", "tiny-llava"])
@pytest.mark.parametrize("is_frozen", [True, False])
@pytest.mark.parametrize("targets", [["q_proj", "v_proj"], ["o_proj", "out_proj", "gate_proj"], None])
def test_parameters_are_those_of_the_loaded_model(
    folder: Path, model: str, is_frozen: bool, targets: list[str] | None
) -> None:
    if model == "tiny-qwen" and targets == ["o_proj", "out_proj", "gate_proj"]:
        targets = ["o_proj", "gate_proj"]
    elif targets and "out_proj" in targets and is_frozen:
        targets = ["o_proj", "gate_proj"]  # only the tower has the other
    lora = None if targets is None else {"rank": 3, "alpha": 3, "targets": targets}
    place = {"base": str(folder / "models" / model)}
    recipe = recipe_of(folder, model=place, lora=lora, optimization={"freeze_vision": is_frozen})
    loaded = transformers.AutoModelForImageTextToText.from_pretrained(folder / "models" / model)
    base = loaded.num_parameters()
    if recipe.lora is None:
        if is_frozen:
            loaded.get_encoder(modality="image").requires_grad_(False)
    else:
        loaded = peft.get_peft_model(loaded, adapter_config(loaded, recipe.lora, freeze_vision=is_frozen, where=""))
    shape = model_shape(find(recipe.model.base), recipe)
    assert shape.base == base
    assert shape.trainable == sum(p.numel() for p in loaded.parameters() if p.requires_grad)
    assert 0 < shape.trainable <= base


def test_the_frozen_tower_has_no_adapter(folder: Path) -> None:
    place = str(folder / "models" / "tiny-llava")
    frozen, trained = (
        model_shape(find(place), recipe_of(folder, optimization={"freeze_vision": value})).trainable
        for value in (True, False)
    )
    assert trained == 2 * frozen  # two layers of the same width on either side


def test_targets_that_no_layer_has(folder: Path) -> None:
    recipe = recipe_of(folder, lora={"targets": ["query"]})
    assert code_of(lambda: model_shape(find(recipe.model.base), recipe), InputError) == "TARGET_UNKNOWN"


def test_a_configuration_of_no_model_for_pictures(folder: Path, tmp_path: Path) -> None:
    write_training(tmp_path)
    model = tmp_path / "models" / "tiny-qwen"
    config = json.loads((model / "config.json").read_text())
    config["model_type"] = "no-such-model"
    (model / "config.json").write_text(json.dumps(config))
    assert code_of(lambda: model_shape(find(str(model)), recipe_of(folder)), InputError) == "MODEL_UNREADABLE"
    assert code_of(lambda: require_pictures(find(str(model))), InputError) == "MODEL_UNKNOWN"
    (model / "config.json").write_text(json.dumps({"model_type": "qwen2"}))
    assert code_of(lambda: require_pictures(find(str(model))), InputError) == "MODEL_WITHOUT_PICTURES"


def test_weights_that_are_cut_off(folder: Path, tmp_path: Path) -> None:
    write_training(tmp_path)
    model = tmp_path / "models" / "tiny-qwen"
    require_whole_weights(find(str(model)))
    data = (model / "model.safetensors").read_bytes()
    for cut in (data[:-1], data[:1000], b""):
        (model / "model.safetensors").write_bytes(cut)
        found = found_of(folder)
        part = found.recipe.model.model_copy(update={"base": str(model)})
        found = replace(found, recipe=found.recipe.model_copy(update={"model": part}))
        assert code_of(lambda found=found: plan_training(found), InputError) == "MODEL_INCOMPLETE"


# --- memory ---


def test_the_model_of_eight_billion_parameters(qwen_8b: ModelShape) -> None:
    assert qwen_8b.base == 8_767_123_696  # of the published weights: 8.77 B
    assert qwen_8b.trainable == 36 * 16 * ((4096 + 4096) + (4096 + 1024))
    assert qwen_8b.text == TowerShape(layers=36, hidden=4096, query=4096, key=1024, inner=12288, heads=32)
    assert qwen_8b.vision == TowerShape(layers=27, hidden=1152, query=1152, key=1152, inner=4304, heads=16)
    assert qwen_8b.patches_per_token == 4


def test_memory_of_the_shipped_recipes(qwen_8b: ModelShape) -> None:
    batch = BatchShape(2, 600, 256)
    large = estimate(qwen_8b, of_recipe("neuroonco-gpt"), batch, dtype="bfloat16", device="cuda")
    assert large.weights_gib == pytest.approx((2 * 8_767_123_696 + 4 * 7_667_712) / GIB)
    assert large.optimizer_gib == 2 * large.gradients_gib == pytest.approx(8 * 7_667_712 / GIB)
    assert 17 < large.total_gib < 24
    recipe = of_recipe("neuroonco-gpt", optimization={"gradient_checkpointing": False})
    assert 20 < estimate(qwen_8b, recipe, batch, dtype="bfloat16", device="cuda").total_gib < 40
    for tokens in (300, 600, 1024):  # up to the longest that the recipe takes
        small = estimate(
            qwen_8b, of_recipe("neuroonco-gpt-24gb"), BatchShape(1, tokens, 256), dtype="bfloat16", device="cuda"
        )
        assert small.total_gib < 16
    # 7.5 billion weights of 4.127 bits, the rest in float32, the largest layer once more
    in_four_bits = 36 * (2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 12288)
    in_tower = 27 * (4 * 1152 * 1152 + 2 * 1152 * 4304) + 4 * (4608 * 4608 + 4608 * 4096)
    assert qwen_8b.linear == in_four_bits + in_tower
    rest = 4 * (8_767_123_696 - qwen_8b.linear) + 2 * 4096 * 12288
    assert small.weights_gib == pytest.approx((qwen_8b.linear * 4.127 / 8 + rest + 2 * 7_667_712) / GIB, rel=1e-4)


def test_all_weights_of_eight_billion_do_not_fit_where_an_adapter_does(qwen_8b: ModelShape) -> None:
    recipe = of_recipe("neuroonco-gpt", lora=None, optimization={"freeze_vision": False})
    whole = replace(qwen_8b, trainable=qwen_8b.base, head=4096 * 151936)
    memory = estimate(whole, recipe, BatchShape(2, 600, 256), dtype="bfloat16", device="cuda")
    assert memory.weights_gib + memory.gradients_gib + memory.optimizer_gib == pytest.approx(8 * qwen_8b.base / GIB)
    divided = estimate(
        whole, recipe, BatchShape(2, 600, 256), dtype="bfloat16", device="cuda", devices=4, sharding=Sharding(4, 4)
    )
    assert divided.weights_gib == memory.weights_gib / 4
    assert divided.optimizer_gib == memory.optimizer_gib / 4
    assert divided.activations_gib == memory.activations_gib
    copied = estimate(whole, recipe, BatchShape(2, 600, 256), dtype="bfloat16", device="cuda", devices=4)
    assert copied.gradients_gib == 2 * memory.gradients_gib


def test_memory_by_hand_on_a_cpu(folder: Path) -> None:
    recipe = recipe_of(folder)
    shape = model_shape(find(recipe.model.base), recipe)
    memory = estimate(shape, recipe, BatchShape(2, 101, 9), dtype="float32", device="cpu")
    adapter = 2 * 4 * ((32 + 32) + (32 + 16))  # layers x rank x (inputs + outputs) of q_proj and of v_proj
    assert shape.trainable == adapter
    assert memory.weights_gib * GIB == pytest.approx(4 * shape.base + 4 * adapter)
    assert memory.gradients_gib * GIB == pytest.approx(4 * adapter)
    assert memory.optimizer_gib * GIB == pytest.approx(8 * adapter)
    # 200 positions: a tile of 32,768 words whatever the vocabulary, eight of the vocabulary, hidden states and gradient
    of_logits = 200 * 32768 * 4 + 8 * 4 * 200 * shape.words + 200 * 32 * (4 + 4)
    assert memory.logits_gib * GIB == pytest.approx(of_logits)
    assert memory.total_gib == pytest.approx(math.fsum(getattr(memory, part) for part in PARTS))


def test_the_tile_of_the_head_is_that_of_trl() -> None:
    """The constants are copied: importing them takes seconds, and TRL may rename them."""
    from trl.kernels.chunked_logprob import TOKEN_CHUNK_SIZE
    from trl.trainer.utils import _CHUNKED_LOGPROB_CHUNK_SIZE

    from neuroonco.train import memory

    assert (memory.TILE_TOKENS, memory.TILE_WORDS) == (TOKEN_CHUNK_SIZE, _CHUNKED_LOGPROB_CHUNK_SIZE)


BASE = of_recipe("neuroonco-gpt", lora=None, optimization={"freeze_vision": False, "gradient_checkpointing": False})


@pytest.mark.parametrize(("dtype", "number_bytes"), [("float32", 4), ("bfloat16", 2)])
def test_activations_are_what_autograd_keeps(dtype: str, number_bytes: int) -> None:
    """All weights trained and no checkpointing: what the forward pass leaves for the backward one, to the byte."""
    samples, tokens, of_pictures = 2, 160, 64
    config = transformers.Qwen3VLConfig(
        vision_config={
            "depth": 4, "hidden_size": 64, "intermediate_size": 240, "num_heads": 4, "out_hidden_size": 128,
            "deepstack_visual_indexes": [1],
        },
        text_config={
            "vocab_size": 500, "hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 4,
            "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 32,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [6, 5, 5]},
        },
        image_token_id=5, video_token_id=6, vision_start_token_id=7, vision_end_token_id=8,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.AutoModelForImageTextToText.from_config(config).to(getattr(torch, dtype)).train()
    row = torch.tensor([7, *[5] * of_pictures, 8, *[20] * (tokens - of_pictures - 2)])
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, Any] = {}

    def keep(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage  # held, so that no other takes its place
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        hidden = model.model(
            input_ids=row.repeat(samples, 1),
            mm_token_type_ids=(row == 5).int().repeat(samples, 1),
            attention_mask=torch.ones(samples, tokens, dtype=torch.long),
            pixel_values=torch.randn(samples * of_pictures * 4, 3 * 2 * 16 * 16).to(getattr(torch, dtype)),
            image_grid_thw=torch.tensor([[1, 16, 16]] * samples),
            use_cache=False,
        ).last_hidden_state
    assert hidden.requires_grad
    measured = sum(storage.nbytes() for storage in kept.values())
    shape = shape_of(config, BASE)
    told = estimate(shape, BASE, BatchShape(samples, tokens, of_pictures), dtype=dtype, device="cpu")
    assert told.weights_gib * GIB == pytest.approx(number_bytes * model.num_parameters())
    assert 0.85 < told.activations_gib * GIB / measured < 1.3


@given(
    samples=st.integers(1, 8),
    tokens=st.integers(2, 4000),
    share=st.floats(0, 1),
    is_checkpointing=st.booleans(),
    is_adapter=st.booleans(),
    device=st.sampled_from(["cpu", "cuda"]),
)
@settings(max_examples=60, deadline=None)
def test_more_takes_more(
    samples: int, tokens: int, share: float, is_checkpointing: bool, is_adapter: bool, device: str
) -> None:
    tower = TowerShape(layers=6, hidden=64, query=64, key=32, inner=256, heads=4)
    shape = ModelShape(10**6, 10**4, 9 * 10**5, 64 * 256, 0, 1000, tower, tower, 4)
    lora = {"rank": 2} if is_adapter else None
    recipe = of_recipe("neuroonco-gpt", lora=lora, optimization={"gradient_checkpointing": is_checkpointing})

    def total(samples: int = samples, tokens: int = tokens, dtype: str = "bfloat16", recipe: Recipe = recipe) -> float:
        batch = BatchShape(samples, tokens, int(tokens * share))
        return estimate(shape, recipe, batch, dtype=dtype, device=device).total_gib

    assert total(samples=samples + 1) > total()
    assert total(tokens=tokens + 1) > total()
    assert total(dtype="float32") > total()
    eager = of_recipe("neuroonco-gpt", lora=lora, model={"attention": "eager"},
                      optimization={"gradient_checkpointing": is_checkpointing})  # fmt: skip
    assert total(recipe=eager) > total()
    unsaved = of_recipe("neuroonco-gpt", lora=lora, optimization={"gradient_checkpointing": False})
    assert total(recipe=unsaved) >= total()
    if is_adapter:
        nf4 = of_recipe("neuroonco-gpt", model={"quantization": "nf4"})
        small, large = (
            estimate(shape, r, BatchShape(1, 10, 4), dtype="bfloat16", device="cuda") for r in (nf4, recipe)
        )
        assert small.weights_gib < large.weights_gib


def test_what_accelerate_was_told_to_divide() -> None:
    assert sharding_of({}, 8) == Sharding(1, 1)
    deepspeed = {"ACCELERATE_USE_DEEPSPEED": "true"}
    assert sharding_of({**deepspeed, "ACCELERATE_DEEPSPEED_ZERO_STAGE": "3"}, 8) == Sharding(8, 8)
    assert sharding_of({**deepspeed, "ACCELERATE_DEEPSPEED_ZERO_STAGE": "0"}, 8) == Sharding(1, 1)
    assert sharding_of({"ACCELERATE_USE_FSDP": "false"}, 8) == Sharding(1, 1)


def test_memory_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    found = available_gib(torch, "cpu")
    assert found is not None
    assert 0.5 < found < 10**5
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (3 * GIB, 8 * GIB))
    assert available_gib(torch, "cuda:1") == 3.0


# --- steps ---


@pytest.mark.parametrize(
    ("rows", "epochs", "device_batch", "accumulation"),
    [(1, 1, 1, 1), (36, 1, 2, 2), (37, 1, 2, 2), (37, 2.5, 2, 2), (7, 3, 2, 8), (1000, 0.3, 4, 3), (5, 0.01, 1, 1)],
)
def test_steps_are_those_of_the_trainer(
    tmp_path: Path, rows: int, epochs: float, device_batch: int, accumulation: int
) -> None:
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path),
        num_train_epochs=epochs,
        per_device_train_batch_size=device_batch,
        gradient_accumulation_steps=accumulation,
        use_cpu=True,
        report_to="none",
    )
    trainer = transformers.Trainer(model=torch.nn.Linear(1, 1), args=arguments, train_dataset=list(range(rows)))
    *_, expected = trainer.set_initial_training_values(arguments, trainer.get_train_dataloader())
    recipe = of_recipe("tiny", optimization={
        "epochs": epochs, "device_batch_size": device_batch, "batch_size": device_batch * accumulation,
        "max_steps": None})  # fmt: skip
    assert steps_of(rows, recipe, accumulation=accumulation) == expected
    limited = of_recipe("tiny", optimization={
        "epochs": epochs, "device_batch_size": device_batch, "max_steps": 2})  # fmt: skip
    assert steps_of(rows, limited, accumulation=accumulation) == min(expected, 2)


@given(rows=st.integers(1, 500), each=st.integers(1, 5), devices=st.integers(1, 4), accumulation=st.integers(1, 4))
@settings(max_examples=80, deadline=None)
def test_steps_of_several_devices_are_those_of_accelerate(
    rows: int, each: int, devices: int, accumulation: int
) -> None:
    from accelerate.data_loader import BatchSamplerShard

    batches = torch.utils.data.BatchSampler(range(rows), each, drop_last=False)
    lengths = {len(list(BatchSamplerShard(batches, devices, process_index=n))) for n in range(devices)}
    assert len(lengths) == 1
    recipe = of_recipe("tiny", optimization={"device_batch_size": each, "max_steps": None, "epochs": 1.0})
    expected = math.ceil(lengths.pop() / accumulation)
    assert steps_of(rows, recipe, devices=devices, accumulation=accumulation) == expected


def test_no_rows_are_no_steps() -> None:
    assert steps_of(0, of_recipe("tiny"), accumulation=2) == 0


# --- plan ---


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same figures on every machine."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK", "ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED"):
        monkeypatch.delenv(name, raising=False)
    return


@pytest.fixture(scope="module")
def planned(folder: Path) -> Planned:
    return plan_training(found_of(folder, optimization={"max_steps": None, "epochs": 2.0}))


def test_a_plan_counts_what_there_is(planned: Planned) -> None:
    plan = planned.plan
    assert (plan.data.train_rows, plan.data.held_out_rows, plan.data.images) == (32, 8, 40)
    assert (plan.devices, plan.accumulation, plan.steps) == (1, 2, 16)
    assert plan.base == planned.checkpoint.name
    assert plan.parameters == 63_376 + plan.trainable_parameters
    assert plan.trainable_parameters == 896
    assert plan.data.tokens is not None
    assert plan.data.tokens.samples == 40
    assert plan.memory.device == "cpu"
    longest = plan.data.tokens.longest
    assert longest is not None
    assert largest_batch(plan.data, planned.found.recipe) == BatchShape(2, longest, 9)
    require_possible(planned)
    assert warnings_of(planned) == ()


def test_a_plan_without_tokens_takes_the_longest_allowed(planned: Planned) -> None:
    data = planned.plan.data.model_copy(update={"tokens": None})
    assert largest_batch(data, planned.found.recipe) == BatchShape(2, 256, 256)


def test_several_processes_share_a_step(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    plan = plan_training(found_of(folder, optimization={"max_steps": None, "epochs": 1.0})).plan
    assert (plan.devices, plan.accumulation, plan.steps) == (2, 1, 8)
    monkeypatch.setenv("WORLD_SIZE", "3")
    assert code_of(lambda: plan_training(found_of(folder)), UsageError) == "BATCH_INDIVISIBLE"


@pytest.mark.parametrize(
    "model",
    [{"device": "cuda"}, {"quantization": "nf4", "device": None}, {"attention": "flash_attention_2", "device": None}],
)
def test_a_plan_needs_no_gpu_and_a_training_may(folder: Path, model: dict[str, Any]) -> None:
    found = found_of(folder)
    recipe = Recipe.model_validate(found.recipe.model_dump() | {"model": found.recipe.model.model_dump() | model})
    made = plan_training(replace(found, recipe=recipe))
    assert made.plan.memory.device == "cuda"
    assert made.plan.memory.available_gib is None
    assert code_of(lambda: require_possible(made), PrerequisiteError) == "GPU_MISSING"


def with_memory(planned: Planned, **values: Any) -> Planned:
    memory = planned.plan.memory.model_copy(update=values)
    return replace(planned, plan=planned.plan.model_copy(update={"memory": memory}))


def test_a_gpu_that_is_too_small(planned: Planned) -> None:
    tight = with_memory(planned, device="cuda:0", total_gib=17.44, available_gib=15.91)
    with pytest.raises(PrerequisiteError) as caught:
        require_possible(tight)
    assert caught.value.code == "GPU_TOO_SMALL"
    assert "17.4 GiB" in caught.value.what
    assert "15.9 GiB" in caught.value.what
    assert "device_batch_size" in caught.value.fix
    require_possible(with_memory(planned, device="cuda:0", total_gib=15.9, available_gib=15.91))


def test_warnings(planned: Planned) -> None:
    short = with_memory(planned, total_gib=40.0, available_gib=16.0)
    assert "40.0 GiB" in warnings_of(short)[0]
    large = replace(planned, plan=planned.plan.model_copy(update={"parameters": 8_767_123_696}))
    assert "8.8 billion parameters on a CPU" in warnings_of(large)[0]
    blind = planned.plan.data.model_copy(update={"images": 0})
    assert "text alone" in warnings_of(replace(planned, plan=planned.plan.model_copy(update={"data": blind})))[0]
    alone = planned.plan.data.model_copy(update={"held_out_rows": 0})
    assert "held out" in warnings_of(replace(planned, plan=planned.plan.model_copy(update={"data": alone})))[0]


def test_rows_with_problems(folder: Path, tmp_path: Path) -> None:
    lines = (folder / "instructions.jsonl").read_text().splitlines()
    broken = [*lines[:10], "{", lines[10].replace("case-010", "none"), "[]"]
    (tmp_path / "rows.jsonl").write_text("\n".join(broken))
    made = plan_training(replace(found_of(folder), files=(tmp_path / "rows.jsonl",)), skip_bad=True)
    assert sum(made.plan.data.problems.values()) == 3
    assert made.plan.data.rows == 10
    with pytest.raises(InputError) as caught:
        require_possible(made)
    assert caught.value.code == "ROWS_UNUSABLE"
    assert caught.value.where == "rows.jsonl:11"
    assert all(code in caught.value.what for code in made.plan.data.problems)
    require_possible(made, skip_bad=True)


def test_nothing_to_train(planned: Planned) -> None:
    empty = replace(planned, plan=planned.plan.model_copy(update={"steps": 0}))
    assert code_of(lambda: require_possible(empty), InputError) == "NOTHING_TO_TRAIN"


def test_a_model_that_is_not_there(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = found_of(folder)

    def with_base(base: str) -> FoundRecipe:
        part = found.recipe.model.model_copy(update={"base": base})
        return replace(found, recipe=found.recipe.model_copy(update={"model": part}))

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for base in ("no/model", "nowhere/at/all", str(tmp_path)):
        assert code_of(lambda base=base: plan_training(with_base(base)), InputError) == "MODEL_MISSING"
