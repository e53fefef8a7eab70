"""A merged model answers as base and adapter do together, in the base's number format, and is whole or not there."""

import json
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import tiny_qwen
from neuroonco.cli.train_models import add_models
from neuroonco.errors import InputError
from neuroonco.held_folders import held
from neuroonco.models.local import LocalClient
from neuroonco.models.local_checkpoint import find
from neuroonco.models.local_model import LocalModel, Prompt
from neuroonco.models.records import Turn
from neuroonco.train.finished import read_trained
from neuroonco.train.merge import base_as_trained, merge
from neuroonco.train.records import BaseModelPart, DataPart, LoraPart, Pictures, Quantization, Recipe, Trained

torch = pytest.importorskip("torch", reason="torch is not installed (make test installs it where it can)")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")
peft = pytest.importorskip("peft", reason="peft is not installed")
safetensors = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")

LORA = LoraPart(rank=4, alpha=12, targets=("q_proj", "v_proj"))
KEY = "model.language_model.layers.0.self_attn.q_proj"


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@contextmanager
def peft_beside_transformers() -> Iterator[None]:
    """peft 0.21 asks transformers 5.23 by a name that is deprecated there."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny Qwen3-VL in float32."""
    folder = tmp_path_factory.mktemp("models") / "tiny-qwen"
    tiny_qwen.make(folder)
    return folder


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter whose weights are random, so that it changes what is said."""
    folder = tmp_path_factory.mktemp("adapters") / "adapter"
    model = transformers.AutoModelForImageTextToText.from_pretrained(base, local_files_only=True)
    config = peft.LoraConfig(r=LORA.rank, lora_alpha=LORA.alpha, target_modules=list(LORA.targets))
    with peft_beside_transformers():
        tuned = peft.get_peft_model(model, config)
    torch.manual_seed(3)
    for name, weight in tuned.named_parameters():
        if "lora_" in name:
            weight.data = torch.randn_like(weight)
    tuned.save_pretrained(folder)
    return folder


def in_bfloat16(base: Path, folder: Path) -> Path:
    """A copy of the base whose weights are bfloat16."""
    shutil.copytree(base, folder)
    model = transformers.AutoModelForImageTextToText.from_pretrained(base, dtype=torch.bfloat16, local_files_only=True)
    model.save_pretrained(folder)
    return folder


def training(folder: Path, base: Path, adapter: Path | None, **data: Any) -> Path:
    """The folder of a finished training."""
    folder.mkdir()
    recipe = Recipe(
        name="tiny",
        description="of the tests",
        model=BaseModelPart(base=str(base), quantization=Quantization.NF4),
        data=DataPart(**data),
        lora=LORA if adapter else None,
    )
    trained = Trained(
        recipe=recipe, recipe_sha256="1" * 64, base=find(str(base)).name, data_sha256="2" * 64, rows=8, held_out_rows=2,
        pictures=Pictures.REAL, steps=2, parameters=3, trainable_parameters=1, adapter=adapter is not None, seconds=1.5,
        tokens_seen=90, tokens_per_s=60.0, train_loss=1.0, held_out_loss=None, device="cpu", devices=1,
        versions={"torch": "2"},
    )  # fmt: skip
    if adapter is not None:
        shutil.copytree(adapter, folder / "adapter")
    (folder / "training.json").write_text(trained.model_dump_json(), encoding="utf-8")
    return folder


@pytest.fixture
def trained(tmp_path: Path, base: Path, adapter: Path) -> Path:
    return training(tmp_path / "run", base, adapter, min_pixels=16 * 16, max_pixels=48 * 48)


def logits(model: Any) -> Any:
    """Of a prompt and a picture of four patches, in float32."""
    config = model.config
    text = [40, 41, 42, config.vision_start_token_id, *[config.image_token_id] * 4, config.vision_end_token_id, 43, 44]
    ids = torch.tensor([text])
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randn(16, 3 * 2 * tiny_qwen.PATCH_PX**2, generator=generator)
    kinds = (ids == config.image_token_id).to(torch.int32)
    grid = torch.tensor([[1, 4, 4]])
    with torch.inference_mode():
        given = {"pixel_values": pixels.to(model.dtype), "image_grid_thw": grid, "mm_token_type_ids": kinds}
        return model(input_ids=ids, use_cache=False, **given).logits.float()


def loaded(folder: Path, dtype: Any = None) -> Any:
    dtype = dtype or torch.float32
    return transformers.AutoModelForImageTextToText.from_pretrained(folder, dtype=dtype, local_files_only=True).eval()


def weights(folder: Path) -> dict[str, Any]:
    return dict(safetensors.load_file(folder / "model.safetensors"))


def test_merged_answers_as_base_with_adapter(trained: Path, base: Path, adapter: Path, tmp_path: Path) -> None:
    out = tmp_path / "merged"
    name = merge(trained, out)
    assert name == find(str(out)).name
    assert name.startswith("local:merged@")
    alone = logits(loaded(base))
    with peft_beside_transformers():
        together = logits(peft.PeftModel.from_pretrained(loaded(base), adapter).eval())
    merged = logits(loaded(out))
    assert torch.allclose(merged, together, atol=1e-4)
    assert not torch.allclose(merged, alone, atol=0.1)
    changed = {key for key, value in weights(out).items() if not torch.equal(value, weights(base)[key])}
    assert len(changed) == 4  # two layers, two targets, nothing else
    assert not list(tmp_path.glob(".*"))


def test_the_merged_folder_is_a_model_with_the_pixel_limits_of_the_training(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "merged"
    merge(trained, out)
    model = LocalModel(find(str(out)), device="cpu", dtype="auto")
    size = model.processor._processor.image_processor.size
    assert (size["shortest_edge"], size["longest_edge"]) == (16 * 16, 48 * 48)
    turn = Turn(role="user", text="Which shape?")
    assert model.write([Prompt((turn,), None)], max_tokens=3, temperature=0, seed=0)[0].output_tokens >= 1
    assert LocalClient(str(out), device="cpu").name == find(str(out)).name
    card = (out / "README.md").read_text("utf-8")
    assert "library_name: transformers" in card
    texts = [path.read_text("utf-8") for path in out.iterdir() if path.suffix in (".json", ".md", ".jinja")]
    assert not [text for text in texts if str(tmp_path.parent.parent) in text]  # no place of this machine
    generation = "generation_config.json"
    assert json.loads((out / generation).read_text())["eos_token_id"] == model._kept["eos_token_id"]


def test_the_sum_is_rounded_once_to_the_number_format_of_the_base(base: Path, adapter: Path, tmp_path: Path) -> None:
    half = in_bfloat16(base, tmp_path / "half")
    out = tmp_path / "merged"
    merge(training(tmp_path / "run", half, adapter), out)
    low = safetensors.load_file(adapter / "adapter_model.safetensors")
    a, b = (low[f"base_model.model.{KEY}.lora_{side}.weight"].float() for side in "AB")
    product, before = (b @ a) * (LORA.alpha / LORA.rank), weights(half)[f"{KEY}.weight"]
    expected = (before.float() + product).to(torch.bfloat16)
    assert {weight.dtype for weight in weights(out).values()} == {torch.bfloat16}
    assert torch.equal(weights(out)[f"{KEY}.weight"], expected)
    assert not torch.equal(before + product.to(torch.bfloat16), expected)  # rounded twice, it is another


def test_settings_of_the_base_are_kept_word_for_word(base: Path, adapter: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(base, other)
    path = other / "generation_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"do_sample": False, "temperature": 0.01}))
    merge(training(tmp_path / "run", other, adapter), tmp_path / "merged")
    for name in (path.name, "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        assert (tmp_path / "merged" / name).read_bytes() == (other / name).read_bytes()


def test_large_weights_are_split_into_files(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    merge(trained, tmp_path / "whole")
    monkeypatch.setattr("neuroonco.train.merge.SHARD", "60KB")
    name = merge(trained, tmp_path / "split")
    parts = sorted(path.name for path in (tmp_path / "split").glob("*.safetensors"))
    assert len(parts) > 2
    assert parts[0] == f"model-00001-of-{len(parts):05}.safetensors"
    assert name == find(str(tmp_path / "split")).name  # which looks for every file of the index
    assert torch.equal(logits(loaded(tmp_path / "split")), logits(loaded(tmp_path / "whole")))


def test_a_folder_that_another_process_writes_is_left_alone(trained: Path, tmp_path: Path) -> None:
    partial = tmp_path / ".merged.partial"
    with held(partial, InputError("X", "x")):
        (partial / "half").write_bytes(b"1")
        with pytest.raises(InputError) as raised:
            merge(trained, tmp_path / "merged")
        assert raised.value.code == "OUT_BUSY"
        assert (partial / "half").read_bytes() == b"1"


def test_the_same_training_gives_the_same_bytes(trained: Path, tmp_path: Path) -> None:
    names = [merge(trained, tmp_path / side / "merged") for side in ("a", "b")]
    files = [{path.name: path.read_bytes() for path in (tmp_path / side / "merged").iterdir()} for side in ("a", "b")]
    assert names[0] == names[1]
    assert files[0] == files[1]


def test_another_base_is_refused_and_the_same_one_elsewhere_is_not(trained: Path, base: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(base, other)
    moved = find(str(other))
    assert merge(trained, tmp_path / "merged", base=str(other)) == merge(trained, tmp_path / "again" / "merged")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"changed": 1}))
    with pytest.raises(InputError) as raised:
        merge(trained, tmp_path / "new", base=str(other))
    assert raised.value.code == "BASE_DIFFERS"
    assert moved.fingerprint in raised.value.what
    assert not (tmp_path / "new").exists()


def test_a_base_that_is_gone_is_named(trained: Path, tmp_path: Path) -> None:
    document = json.loads((trained / "training.json").read_text())
    document["recipe"]["model"]["base"] = str(tmp_path / "gone")
    (trained / "training.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match="--base") as raised:
        merge(trained, tmp_path / "new")
    assert raised.value.code == "BASE_MISSING"
    assert str(tmp_path) not in raised.value.line


def taken(trained: Path, out: Path) -> None:
    out.mkdir()


def unfinished(trained: Path, out: Path) -> None:
    (trained / "training.json").unlink()


def of_another_version(trained: Path, out: Path) -> None:
    (trained / "training.json").write_text("{}")


def without_weights(trained: Path, out: Path) -> None:
    (trained / "adapter" / "adapter_model.safetensors").unlink()


def of_other_layers(trained: Path, out: Path) -> None:
    path = trained / "adapter" / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"target_modules": ["nothing"]}))


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (taken, "OUT_EXISTS"),
        (unfinished, "TRAINING_MISSING"),
        (of_another_version, "TRAINING_UNREADABLE"),
        (without_weights, "ADAPTER_INCOMPLETE"),
        (of_other_layers, "ADAPTER_UNREADABLE"),
    ],
)
def test_what_cannot_be_merged_is_said_in_one_line(
    spoil: Callable[[Path, Path], None], code: str, trained: Path, tmp_path: Path
) -> None:
    out = tmp_path / "merged"
    spoil(trained, out)
    with pytest.raises(InputError) as raised:
        merge(trained, out)
    assert raised.value.code == code
    assert "\n" not in raised.value.line
    assert not out.exists() or not list(out.iterdir())
    assert not list(tmp_path.glob(".*"))


def test_weights_that_are_not_finite_are_no_model(trained: Path, tmp_path: Path) -> None:
    path = trained / "adapter" / "adapter_model.safetensors"
    low = safetensors.load_file(path)
    next(iter(low.values()))[0, 0] = float("nan")
    safetensors.save_file(low, path, metadata={"format": "pt"})
    with pytest.raises(InputError) as raised:
        merge(trained, tmp_path / "merged")
    assert raised.value.code == "ADAPTER_NOT_FINITE"
    assert list(tmp_path.iterdir()) == [trained]


def test_what_a_killed_merge_left_is_cleared_away(trained: Path, tmp_path: Path) -> None:
    left = tmp_path / ".merged.partial"
    left.mkdir()
    (left / "model-00001-of-00009.safetensors").write_bytes(b"half")
    merge(trained, tmp_path / "merged")
    assert not (tmp_path / "merged" / "model-00001-of-00009.safetensors").exists()
    assert not left.exists()


def test_a_training_of_all_weights_is_copied(base: Path, tmp_path: Path) -> None:
    run = training(tmp_path / "run", base, None, max_pixels=40 * 40)
    shutil.copytree(base, run / "model")
    model = loaded(base)
    model.lm_head.weight.data += 1
    model.save_pretrained(run / "model")
    name = merge(run, tmp_path / "merged")
    assert name != find(str(base)).name
    assert torch.equal(weights(tmp_path / "merged")["lm_head.weight"], weights(base)["lm_head.weight"] + 1)
    size = json.loads((tmp_path / "merged" / "preprocessor_config.json").read_text())["size"]
    assert size == {"shortest_edge": tiny_qwen.PIXELS["shortest_edge"], "longest_edge": 40 * 40}


def test_the_base_as_trained_differs_in_the_limits_alone(trained: Path, base: Path, tmp_path: Path) -> None:
    out = tmp_path / "base-as-trained"
    name = base_as_trained(trained, out)
    assert name == find(str(out)).name
    assert name.rpartition("@")[2] != find(str(base)).fingerprint
    assert (out / "model.safetensors").samefile(base / "model.safetensors")
    assert (out / "preprocessor_config.json").stat().st_nlink == 1  # written, and not through a link to the base's
    assert json.loads((base / "preprocessor_config.json").read_text())["size"] == tiny_qwen.PIXELS
    size = json.loads((out / "preprocessor_config.json").read_text())["size"]
    assert size == {"shortest_edge": 16 * 16, "longest_edge": 48 * 48}
    assert torch.equal(logits(loaded(out)), logits(loaded(base)))


@pytest.mark.parametrize("links", ["symbolic", "none"])
def test_weights_that_cannot_be_linked_are_pointed_to_or_copied(
    links: str, trained: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> None:
        raise OSError("cross-device link")

    monkeypatch.setattr("os.link", refused)
    if links == "none":
        monkeypatch.setattr("os.symlink", refused)
    out = tmp_path / "base"
    base_as_trained(trained, out)
    assert (out / "model.safetensors").is_symlink() == (links == "symbolic")
    assert (out / "model.safetensors").read_bytes() == (base / "model.safetensors").read_bytes()


def test_limits_need_a_place_in_the_processor(trained: Path, base: Path, tmp_path: Path) -> None:
    path = base / "preprocessor_config.json"
    kept = path.read_text()
    other = tmp_path / "other"
    shutil.copytree(base, other)
    (other / path.name).write_text(json.dumps(json.loads(kept) | {"size": {"height": 32, "width": 32}}))
    document = json.loads((trained / "training.json").read_text())
    document["base"] = find(str(other)).name
    (trained / "training.json").write_text(json.dumps(document))
    with pytest.raises(InputError) as raised:
        base_as_trained(trained, tmp_path / "out", base=str(other))
    assert raised.value.code in {"PIXELS_FIXED", "MODEL_UNREADABLE"}
    assert not (tmp_path / "out").exists()


def test_a_bare_adapter_is_told_how_to_merge(trained: Path) -> None:
    with pytest.raises(InputError, match="neuroonco train merge"):
        find(str(trained / "adapter"))
    assert read_trained(trained).adapter


@pytest.mark.parametrize("whose", ["merged", "base"])
def test_the_command_merges(whose: str, trained: Path, tmp_path: Path) -> None:
    group, out = typer.Typer(), tmp_path / "out" / "tuned"
    add_models(group)
    given = ["merge", str(trained), "--out", str(out), *(["--base-only"] if whose == "base" else [])]
    ended = CliRunner().invoke(group, [*given, "--json"])
    assert ended.exit_code == 0, ended.output
    assert json.loads(ended.stdout) == {"model": find(str(out)).name, "out": "tuned"}
    assert (out / "README.md").exists() == (whose == "merged")
