"""A training of a tiny model: the same bytes every time, however often it is cut off, and refusals before it begins."""

import dataclasses
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import tiny_model
import training_fixtures as tiny
from neuroonco import store
from neuroonco.errors import InputError, NeuroOncoError, PrerequisiteError, UsageError
from neuroonco.held_folders import held
from neuroonco.train import checkpoints, finished, history, loading, trainer_settings, training_folder
from neuroonco.train import fit as fitting
from neuroonco.train.picture_source import PictureSource
from neuroonco.train.plan import Planned
from neuroonco.train.records import LoraPart, Pictures, Recipe, Trained
from neuroonco.train.samples import Collator

torch = pytest.importorskip("torch", reason="torch is not installed (make test installs it where it can)")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")
for library in ("accelerate", "peft", "trl", "datasets"):
    pytest.importorskip(library, reason=f"{library} is not installed")

STEPS = 10
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Model, pictures and instructions."""
    place = tmp_path_factory.mktemp("training")
    tiny.write_training(place)
    return place


@pytest.fixture(scope="module")
def planned(folder: Path) -> Planned:
    return tiny.planned_of(folder)


@pytest.fixture(scope="module")
def whole(planned: Planned, folder: Path) -> tuple[Path, Trained]:
    """A training that nothing cut off: its folder, and what it came to."""
    out = folder / "whole"
    return out, fitting.fit(planned, out)


def rows_of(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]


def tensors_of(path: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return dict(load_file(path))


def cut_at(step: int) -> Callable[[int, int], None]:
    """Progress that a person interrupts after a step, before it is logged or saved."""

    def progress(done: int, _total: int) -> None:
        if done == step:
            raise KeyboardInterrupt

    return progress


# --- what comes out ---


def test_what_a_training_leaves(planned: Planned, whole: tuple[Path, Trained], folder: Path) -> None:
    out, trained = whole
    assert trained == Trained.model_validate_json((out / "training.json").read_bytes())
    assert trained.steps == STEPS
    assert (trained.rows, trained.held_out_rows) == (len(planned.rows.train), len(planned.rows.held_out))
    assert trained.adapter
    assert trained.trainable_parameters == sum(t.numel() for t in tensors_of(adapter(out)).values())
    assert trained.parameters == trained.trainable_parameters + sum(
        t.numel() for t in tensors_of(planned.checkpoint.folder / "model.safetensors").values()
    )
    assert trained.recipe.data.files == ()
    assert trained.recipe.data.root is None
    assert trained.recipe.model.base == "tiny-qwen"
    assert trained.recipe == training_folder.without_places(planned.found.recipe, planned.checkpoint)
    assert Recipe.model_validate(tomllib.loads((out / "recipe.toml").read_text())) == trained.recipe
    assert (trained.device, trained.devices, trained.resumed_at) == ("cpu", 1, ())
    assert trained.seconds > 0
    assert trained.tokens_per_s == pytest.approx(trained.tokens_seen / trained.seconds, abs=0.1)
    assert {path.name for path in (out / "checkpoints").iterdir()} == {"checkpoint-9", "checkpoint-10"}
    left = [path for path in out.rglob("*") if path.is_file() and "checkpoints" not in path.parts]
    assert {"training.json", "recipe.toml", "begun.json", "adapter_config.json"} <= {path.name for path in left}
    assert not [path.name for path in left if str(folder).encode() in path.read_bytes()]  # no place of this machine
    assert json.loads((out / "adapter" / "adapter_config.json").read_text())["base_model_name_or_path"] == "tiny-qwen"


def adapter(out: Path) -> Path:
    return out / "adapter" / "adapter_model.safetensors"


def test_the_history_has_every_step_once(planned: Planned, whole: tuple[Path, Trained]) -> None:
    out, trained = whole
    rows = rows_of(out)
    assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
    judged = {row["step"] for row in rows if row["held_out_loss"] is not None}
    assert judged == {4, 8, STEPS}  # every fourth, and the last
    assert (trained.train_loss, trained.held_out_loss) == (rows[-1]["loss"], rows[-1]["held_out_loss"])
    # An epoch shows every row once, then the next begins; all samples are of one length here.
    length = int(tiny.collator_of(planned)([{"place": 0}])["attention_mask"].sum())
    count, seen, taken = len(planned.rows.train), 0, 0
    for row in rows:
        new = min(4, count - taken % count)
        taken, seen = taken + new, seen + new * length
        assert row["tokens_seen"] == seen
        assert row["epoch"] == pytest.approx(taken / count)
    assert trained.tokens_seen == seen
    rates = [0.0] + [0.01 * (1 + math.cos(math.pi * step / 9)) / 2 for step in range(9)]  # warmup of one step
    assert [row["learning_rate"] for row in rows] == pytest.approx(rates)


def test_the_adapter_fits_the_base_and_changes_what_it_says(planned: Planned, whole: tuple[Path, Trained]) -> None:
    import peft

    base = transformers.AutoModelForImageTextToText.from_pretrained(planned.checkpoint.folder).eval()
    batch = tiny.collator_of(planned)([{"place": 0}, {"place": 1}])
    with torch.no_grad():
        before = base(**batch).loss
        with pytest.warns(FutureWarning, match="is_gradient_checkpointing"):
            tuned = peft.PeftModel.from_pretrained(base, whole[0] / "adapter").eval()
        assert tuned(**batch).loss != before
    assert all("visual" not in name for name in tensors_of(adapter(whole[0])))


def test_the_same_recipe_gives_the_same_bytes_and_another_seed_others(
    planned: Planned, whole: tuple[Path, Trained], folder: Path, tmp_path: Path
) -> None:
    fitting.fit(planned, tmp_path / "again")
    assert tiny.digests(tmp_path / "again" / "adapter", "*") == tiny.digests(whole[0] / "adapter", "*")
    assert (tmp_path / "again" / "history.jsonl").read_bytes() == (whole[0] / "history.jsonl").read_bytes()
    fitting.fit(tiny.planned_of(folder, optimization={"seed": 6}), tmp_path / "other")
    assert tiny.digests(tmp_path / "other" / "adapter") != tiny.digests(whole[0] / "adapter")


def test_a_finished_training_is_not_done_again(
    planned: Planned, whole: tuple[Path, Trained], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    shutil.copytree(whole[0], out)
    for name in ("_train", "write_result"):
        monkeypatch.setattr(fitting, name, None)
    assert fitting.fit(planned, out) == whole[1]
    adapter(out).unlink()
    with pytest.raises(InputError, match="RESULT_INCOMPLETE"):
        fitting.fit(planned, out)


# --- cut off ---


def assert_same(out: Path, whole: tuple[Path, Trained], resumed_at: tuple[int, ...]) -> None:
    """The result is that of the training that nothing cut off."""
    trained = Trained.model_validate_json((out / "training.json").read_bytes())
    timed = {"seconds": 0.0, "tokens_per_s": None}
    expected = whole[1].model_copy(update={**timed, "resumed_at": resumed_at})
    assert trained.model_copy(update=timed) == expected
    assert tiny.digests(out / "adapter", "*") == tiny.digests(whole[0] / "adapter", "*")
    assert (out / "history.jsonl").read_bytes() == (whole[0] / "history.jsonl").read_bytes()


def test_interrupted_again_and_again(planned: Planned, whole: tuple[Path, Trained], tmp_path: Path) -> None:
    out = tmp_path / "out"
    for step in (2, 5, 10):  # before the first checkpoint, between two, and before the last is written
        with pytest.raises(KeyboardInterrupt):
            fitting.fit(planned, out, progress=cut_at(step))
        assert not (out / "training.json").exists()
    seen: list[tuple[int, int]] = []
    fitting.fit(planned, out, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(9, STEPS), (10, STEPS)]
    assert_same(out, whole, (0, 3, 9))


def test_killed(planned: Planned, whole: tuple[Path, Trained], folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    child = os.fork()  # has all libraries already
    if not child:
        try:
            tiny.train(folder, out, {}, die_at=8)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert [row["step"] for row in rows_of(out)] == list(range(1, 8))
    fitting.fit(planned, out)
    assert_same(out, whole, (6,))


def test_cut_off_while_a_checkpoint_is_written(
    planned: Planned, whole: tuple[Path, Trained], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"

    def seal(place: Path) -> None:
        if place.name == "checkpoint-6":
            (place / "optimizer.pt").write_bytes((place / "optimizer.pt").read_bytes()[:100])
            raise KeyboardInterrupt
        checkpoints_seal(place)

    checkpoints_seal = checkpoints.seal
    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "seal", seal)
        with pytest.raises(KeyboardInterrupt):
            fitting.fit(planned, out)
    said: list[str] = []
    fitting.fit(planned, out, tell=said.append)
    assert said == ["1 checkpoint is not whole and set aside: checkpoint-6.broken-1"]
    assert_same(out, whole, (3,))


def test_cut_off_between_the_last_checkpoint_and_the_result(
    planned: Planned, whole: tuple[Path, Trained], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    shutil.copytree(whole[0], out)
    (out / "training.json").unlink()
    adapter(out).write_bytes(b"half")
    (out / ".adapter.partial").mkdir()
    (out / ".adapter.partial" / "left").write_text("by a kill")
    monkeypatch.setattr(fitting, "_train", None)
    fitting.fit(planned, out)
    assert_same(out, whole, ())
    assert not (out / ".adapter.partial").exists()


# --- all weights ---


def test_all_weights_but_the_vision_towers(folder: Path, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"lora": None, "optimization": {"learning_rate": 1e-3, "max_steps": 5}}
    planned = tiny.planned_of(folder, **changes)
    trained = fitting.fit(planned, tmp_path / "whole")
    out = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        fitting.fit(planned, out, progress=cut_at(4))
    fitting.fit(planned, out)
    assert tiny.digests(out / "model", "*") == tiny.digests(tmp_path / "whole" / "model", "*")
    base = tensors_of(planned.checkpoint.folder / "model.safetensors")
    tuned = tensors_of(out / "model" / "model.safetensors")
    assert base.keys() == tuned.keys()
    changed = {name for name in base if not torch.equal(base[name], tuned[name])}
    assert changed
    assert not any("visual" in name for name in changed)
    assert not trained.adapter
    assert trained.trainable_parameters == sum(t.numel() for name, t in base.items() if "visual" not in name)
    # The folder is a model by itself.
    from neuroonco.models.local_model import LocalModel

    model = loading_checkpoint(out / "model")
    LocalModel(model, device="cpu", dtype="float32").load()
    assert str(folder) not in (out / "model" / "config.json").read_text()


def loading_checkpoint(place: Path) -> Any:
    from neuroonco.models.local_checkpoint import find

    return find(str(place))


# --- variants that must change nothing ---


@pytest.mark.parametrize(
    "changes",
    [
        {"optimization": {"gradient_checkpointing": True}},
        {"optimization": {"device_batch_size": 1}},
        {"optimization": {"device_batch_size": 4, "workers": 1}},
    ],
    ids=["activations computed again", "single samples", "the whole batch, read by a worker"],
)
def test_how_a_step_is_computed_does_not_change_it(uneven: Path, undropped: Path, tmp_path: Path, changes: Any) -> None:
    changes = {"lora": {"dropout": 0.0}, "optimization": {"max_steps": 3, **changes["optimization"]}}
    fitting.fit(tiny.planned_of(uneven, **changes), tmp_path / "out")
    assert_close(tmp_path / "out", undropped)


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Instructions with answers of one to nine words, so that a mean of means is not the mean over tokens."""
    place = tmp_path_factory.mktemp("uneven")
    tiny.write_training(place, longest=9)
    return place


@pytest.fixture(scope="module")
def undropped(uneven: Path) -> Path:
    """Folder of a training of three steps without dropout, whose random numbers depend on how a batch is divided."""
    changes: dict[str, Any] = {"lora": {"dropout": 0.0}, "optimization": {"max_steps": 3}}
    fitting.fit(tiny.planned_of(uneven, **changes), uneven / "undropped")
    return uneven / "undropped"


def assert_close(out: Path, other: Path) -> None:
    found, expected = tensors_of(adapter(out)), tensors_of(adapter(other))
    assert found.keys() == expected.keys()
    for name in found:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-3, atol=1e-5)
    for row, one in zip(rows_of(out), rows_of(other), strict=True):
        for field in ("loss", "gradient_norm", "held_out_loss", "held_out_token_accuracy", "tokens_seen"):
            assert row[field] == (None if one[field] is None else pytest.approx(one[field], rel=1e-4)), field


def test_the_held_out_loss_is_the_mean_over_learned_tokens(uneven: Path, undropped: Path) -> None:
    import peft

    planned = tiny.planned_of(uneven)
    base = transformers.AutoModelForImageTextToText.from_pretrained(planned.checkpoint.folder).eval()

    with pytest.warns(FutureWarning, match="is_gradient_checkpointing"):
        tuned = peft.PeftModel.from_pretrained(base, undropped / "adapter").eval()
    last = rows_of(undropped)[-1]
    pictures = PictureSource(planned.found.root, Pictures.REAL, planned.rows.paths, 5)
    collate, loss, right, learned = Collator(planned.processor, planned.rows.held_out, pictures), 0.0, 0, 0
    for place in range(len(planned.rows.held_out)):
        batch = collate([{"place": place}])
        with torch.no_grad():
            logits = tuned(**batch).logits[0, :-1]
        labels = batch["labels"][0, 1:]
        loss += float(torch.nn.functional.cross_entropy(logits, labels, ignore_index=-100, reduction="sum"))
        right += int((logits.argmax(-1) == labels).sum())
        learned += int((labels != -100).sum())
    assert last["held_out_loss"] == pytest.approx(loss / learned, rel=1e-4)
    assert last["held_out_token_accuracy"] == pytest.approx(right / learned)


def test_two_processes_do_what_one_does(uneven: Path, undropped: Path, tmp_path: Path) -> None:
    changes = {"lora": {"dropout": 0.0}, "optimization": {"max_steps": 3, "device_batch_size": 1}}
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    out = tmp_path / "out"
    command = [sys.executable, *launch, tiny.__file__, str(uneven), str(out), json.dumps(changes), "0"]
    ended = subprocess.run(command, env=ENVIRONMENT, timeout=180, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert_close(out, undropped)
    trained = Trained.model_validate_json((out / "training.json").read_bytes())
    assert (trained.devices, trained.steps) == (2, 3)


def test_another_family_of_models_with_nothing_frozen(tmp_path: Path) -> None:
    tiny.write_training(tmp_path, rows=8, model="tiny-llava")
    norms = []
    for recomputed in (False, True):
        changes: dict[str, Any] = {"max_steps": 2, "freeze_vision": False, "gradient_checkpointing": recomputed}
        planned = tiny.planned_of(tmp_path, base="tiny-llava", lora=None, optimization=changes)
        out = tmp_path / f"out-{recomputed}"
        fitting.fit(planned, out)
        base = tensors_of(planned.checkpoint.folder / "model.safetensors")
        tuned = tensors_of(out / "model" / "model.safetensors")
        changed = {name for name in base if not torch.equal(base[name], tuned[name])}
        for part in ("vision_tower", "multi_modal_projector", "language_model"):
            assert any(part in name for name in changed)
        norms.append([row["gradient_norm"] for row in rows_of(out)])
    assert norms[0] == pytest.approx(norms[1], rel=1e-5)
    assert min(norms[0]) > 0


def test_an_adapter_that_does_not_reach_the_eye_is_told(folder: Path, tmp_path: Path) -> None:
    said: list[str] = []
    changes: dict[str, Any] = {"max_steps": 1, "freeze_vision": False}
    fitting.fit(tiny.planned_of(folder, optimization=changes), tmp_path / "out", tell=said.append)
    assert said == [
        "no target of the adapter is in the vision tower, which stays as it is (optimization.freeze_vision)"
    ]
    with pytest.warns(FutureWarning, match="is_gradient_checkpointing"):
        reaching = loading.load(
            tiny.recipe_of(folder, lora={"targets": ["qkv", "q_proj"]}, optimization=changes),
            loading_checkpoint(folder / "models" / "tiny-qwen"),
            loading.Placed("cpu", "float32"),
        )
    assert fitting._learns_to_see(reaching)


# --- refusals ---


def test_a_loss_that_is_not_finite(planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import trl

    compute = trl.SFTTrainer.compute_loss

    def spoiled(self: Any, *args: Any, **kwargs: Any) -> Any:
        loss = compute(self, *args, **kwargs)
        return loss * (torch.nan if self.state.global_step == 5 else 1)

    monkeypatch.setattr(trl.SFTTrainer, "compute_loss", spoiled)
    with pytest.raises(InputError, match=r"LOSS_NOT_FINITE.* of step 6 is nan") as refused:
        fitting.fit(planned, tmp_path / "out")
    assert "learning_rate" in refused.value.fix
    assert [row["step"] for row in rows_of(tmp_path / "out")] == [1, 2, 3, 4, 5]
    found, aside = checkpoints.last_whole(tmp_path / "out" / "checkpoints")
    assert found is not None
    assert (found.name, aside) == ("checkpoint-3", ())


def test_weights_that_are_not_finite_are_not_sealed(tmp_path: Path) -> None:
    spent = history.Spent(seconds=0, parameters=1, trainable_parameters=1, device="cpu", devices=1)
    course = history.Course(
        tmp_path / "history.jsonl", keep=1, spent=spent, progress=lambda *_: None, wait_for_all=lambda: None
    )
    (tmp_path / "checkpoint-5").mkdir()
    args, state = SimpleNamespace(output_dir=str(tmp_path)), SimpleNamespace(global_step=5, is_world_process_zero=True)
    model = torch.nn.Linear(2, 2)
    model.weight.data[1, 1] = torch.inf
    with pytest.raises(InputError, match=r"LOSS_NOT_FINITE.* of step 5 "):
        course.on_save(args, state, None, model=model)
    assert not checkpoints.is_whole(tmp_path / "checkpoint-5")
    model.weight.data[1, 1] = 1
    course.on_save(args, state, None, model=model)
    assert checkpoints.is_whole(tmp_path / "checkpoint-5")


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (
            torch.OutOfMemoryError("CUDA out of memory"),
            "MEMORY_EXCEEDED",
            ("device_batch_size", "checkpointing", "nf4"),
        ),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "MEMORY_EXCEEDED", ("nf4",)),
        (OSError(28, "No space left on device", "/data/x"), "CANNOT_WRITE", ("No space left", "make room")),
        (RuntimeError("PytorchStreamWriter failed writing file data/3"), "CANNOT_WRITE", ("make room",)),
        (
            RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0"),
            "CANNOT_WRITE",
            ("no room",),
        ),
        (RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed."), "WORKER_KILLED", ("workers",)),
    ],
)
def test_what_a_machine_refuses_is_said_in_one_line(
    planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: Exception, code: str, said: Any
) -> None:
    def refuse(*_: Any) -> Any:
        raise raised

    monkeypatch.setattr(fitting, "_trainer", refuse)
    with pytest.raises((InputError, PrerequisiteError), match=code) as refused:
        fitting.fit(planned, tmp_path / "out")
    assert all(words in refused.value.line for words in said)
    assert "/data" not in refused.value.line


@pytest.mark.parametrize("name", ["training.json", "history.jsonl", "adapter_config.json"])
def test_a_disk_that_is_full_when_the_result_is_written(
    planned: Planned, whole: tuple[Path, Trained], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    out = tmp_path / "out"
    shutil.copytree(whole[0], out)
    (out / "training.json").unlink()
    write = store.write_text

    def full(path: Path, text: str) -> None:
        if path.name == name:
            raise OSError(28, "No space left on device", str(path))
        write(path, text)

    with monkeypatch.context() as patched:
        patched.setattr(store, "write_text", full)
        with pytest.raises(InputError, match=r"CANNOT_WRITE.*No space left.*make room") as refused:
            fitting.fit(planned, out)
    assert str(tmp_path) not in refused.value.line
    fitting.fit(planned, out)
    assert_same(out, whole, ())


def test_a_folder_that_not_all_machines_see(planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "_opened", lambda *_: (training_folder.begun_of(planned), None))
    with pytest.raises(PrerequisiteError, match="OUT_NOT_SHARED"):
        fitting.fit(planned, tmp_path / "out")


def test_a_name_of_the_hub_is_kept_and_a_folder_is_not(planned: Planned) -> None:
    recipe = planned.found.recipe
    hub = recipe.model_copy(update={"model": recipe.model.model_copy(update={"base": "organization/model"})})
    kept = training_folder.without_places(hub, planned.checkpoint).model.base
    assert (kept, training_folder.without_places(recipe, planned.checkpoint).model.base) == (
        "organization/model", "tiny-qwen",
    )  # fmt: skip


def test_what_follows_finds_the_base_where_both_are_moved(
    whole: tuple[Path, Trained], folder: Path, tmp_path: Path
) -> None:
    place = tmp_path / "elsewhere"
    shutil.copytree(whole[0], place / "whole", ignore=shutil.ignore_patterns("checkpoints"))
    with pytest.raises(InputError, match="BASE_MISSING"):
        finished.base_of(whole[1], place / "whole")
    shutil.copytree(folder / "models", place / "models")
    found = finished.base_of(whole[1], place / "whole")
    assert (found.name, found.folder.resolve()) == (whole[1].base, place / "models" / "tiny-qwen")


def test_an_error_of_a_network_is_no_matter_of_a_checkpoint(
    planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Any:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(fitting, "_trainer", refuse)
    with pytest.raises(ConnectionRefusedError):
        fitting.fit(planned, tmp_path / "out")


def test_an_error_of_our_own_making_is_not_hidden(
    planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "_trainer", None)
    with pytest.raises(TypeError):
        fitting.fit(planned, tmp_path / "out")


def test_a_picture_that_is_gone_is_named_in_one_line(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    shutil.copytree(folder, place, ignore=shutil.ignore_patterns("whole", "undropped"))
    planned = tiny.planned_of(place, optimization={"workers": 1, "max_steps": 8})
    (place / "root" / planned.rows.train[3].images[0]).unlink()
    with pytest.raises(InputError, match=r"error\[\w+\]") as refused:
        fitting.fit(planned, tmp_path / "out")
    assert "\n" not in refused.value.line
    assert planned.rows.train[3].images[0] in refused.value.line


def test_a_folder_of_another_training(planned: Planned, whole: tuple[Path, Trained], folder: Path) -> None:
    other = tiny.planned_of(folder, optimization={"learning_rate": 0.02})
    with pytest.raises(InputError, match=r"recipe differs \(optimization.learning_rate is 0.02 and was 0.01\)"):
        fitting.fit(other, whole[0])
    base = dataclasses.replace(planned.checkpoint, fingerprint="0" * 12)
    with pytest.raises(InputError, match="the base model differs"):
        fitting.fit(dataclasses.replace(planned, checkpoint=base), whole[0])
    check = planned.rows.check.model_copy(update={"sha256": "0" * 64})
    rows = dataclasses.replace(planned.rows, check=check)
    with pytest.raises(InputError, match="the data differ"):
        fitting.fit(dataclasses.replace(planned, rows=rows), whole[0])


def test_a_folder_that_a_kill_left_when_it_was_claimed(planned: Planned, tmp_path: Path) -> None:
    wanted = training_folder.begun_of(planned)
    assert training_folder.claim(tmp_path, wanted) == wanted
    (tmp_path / "recipe.toml").unlink()
    (tmp_path / ".recipe.toml.7.tmp").write_text("half")
    assert training_folder.claim(tmp_path, wanted) == wanted
    assert (tmp_path / "recipe.toml").exists()
    assert training_folder.went_on(tmp_path, wanted, 3).resumed_at == (3,)
    assert training_folder.claim(tmp_path, wanted).resumed_at == (3,)


def test_a_folder_that_holds_something_else(planned: Planned, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="OUT_TAKEN"):
        fitting.fit(planned, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_one_training_at_a_time_in_a_folder(planned: Planned, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with held(out, InputError("X", "x")), pytest.raises(InputError, match="OUT_BUSY"):
        fitting.fit(planned, out)


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"schedule": {"log_to": ["tensorboard"]}}, PrerequisiteError, "pip install tensorboard"),
        ({"optimization": {"optimizer": "adamw_8bit"}}, PrerequisiteError, "pip install bitsandbytes"),
        ({"optimization": {"optimizer": "sgdd"}}, InputError, "OPTIMIZER_UNKNOWN"),
        ({"optimization": {"batch_size": 3}}, UsageError, "BATCH_INDIVISIBLE"),
        ({"optimization": {"batch_size": 1}}, UsageError, "BATCH_INDIVISIBLE"),
        ({"model": {"quantization": "nf4"}}, PrerequisiteError, "GPU_MISSING"),
        ({"model": {"device": "cuda"}}, PrerequisiteError, "GPU_MISSING"),
        ({"model": {"quantization": "nf4"}, "lora": None}, InputError, "NF4_WITHOUT_LORA"),
        ({"model": {"dtype": "float16"}, "lora": None}, InputError, "DTYPE_UNSUITED"),
    ],
)
def test_refused_before_anything_is_loaded(
    planned: Planned, folder: Path, tmp_path: Path, changes: Any, error: type[NeuroOncoError], said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(trainer_settings, "require_library", without_extras)
    recipe = tiny.recipe_of(folder, **changes)
    found = dataclasses.replace(planned.found, recipe=recipe)
    with pytest.raises(error, match=said.replace("(", r"\(")):
        fitting.fit(dataclasses.replace(planned, found=found), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def without_extras(name: str, what_for: str) -> None:
    """As if nothing beyond the extra were installed, whatever is on this machine."""
    raise PrerequisiteError("EXTRA_MISSING", f"{what_for}: {name} is needed", fix=f"pip install {name}")


# --- loading ---


def llava(folder: Path) -> Any:
    tiny_model.make(folder / "models" / "tiny-llava")
    return transformers.AutoModelForImageTextToText.from_pretrained(folder / "models" / "tiny-llava")


def test_no_adapter_in_a_frozen_vision_tower_whatever_its_layers_are_called(tmp_path: Path) -> None:
    import peft

    model = llava(tmp_path)
    assert list(loading.vision_towers(model)) == ["model.vision_tower"]
    for freeze, expected in ((True, {"language_model"}), (False, {"language_model", "vision_tower"})):
        config = loading.adapter_config(model, LoraPart(rank=2), freeze_vision=freeze, where="tiny-llava")
        with pytest.warns(FutureWarning, match="is_gradient_checkpointing"):
            tuned = peft.get_peft_model(model, config)
        names = {name for name, weight in tuned.named_parameters() if weight.requires_grad}
        parts = {part for name in names for part in ("language_model", "vision_tower") if part in name}
        assert parts == expected
        assert all("lora" in name for name in names)
        model = tuned.unload()


def test_a_target_that_names_no_layer(tmp_path: Path) -> None:
    model = llava(tmp_path)
    for target, said in (
        ("qproj", "no layer 'qproj'"),
        ("out_proj", "outside the vision tower"),
        ("lm_head", "lm_head"),
    ):
        with pytest.raises(InputError, match=said) as refused:
            loading.adapter_config(model, LoraPart(targets=("q_proj", target)), freeze_vision=True, where="tiny-llava")
        assert refused.value.code == "TARGET_UNKNOWN"
        assert "q_proj, " in refused.value.fix


def test_what_stays_frozen_where_all_weights_are_trained(tmp_path: Path) -> None:
    llava(tmp_path)
    checkpoint = loading_checkpoint(tmp_path / "models" / "tiny-llava")
    for freeze in (True, False):
        recipe = tiny.recipe_of(tmp_path, base="tiny-llava", lora=None, optimization={"freeze_vision": freeze})
        model = loading.load(recipe, checkpoint, loading.Placed("cpu", "float32"))
        frozen = {name.split(".")[1] for name, weight in model.named_parameters() if not weight.requires_grad}
        assert frozen == ({"vision_tower"} if freeze else set())


def test_adapters_are_float32_over_weights_of_half_the_size(planned: Planned) -> None:
    with pytest.warns(FutureWarning, match="is_gradient_checkpointing"):
        model = loading.load(planned.found.recipe, planned.checkpoint, loading.Placed("cpu", "bfloat16"))
    kinds = {(weight.requires_grad, weight.dtype) for weight in model.parameters()}
    assert kinds == {(True, torch.float32), (False, torch.bfloat16)}


def test_weights_that_are_missing(folder: Path, tmp_path: Path, planned: Planned) -> None:
    from safetensors.torch import save_file

    shutil.copytree(planned.checkpoint.folder, tmp_path / "model")
    weights = tensors_of(tmp_path / "model" / "model.safetensors")
    gone = weights.pop(next(name for name in weights if "q_proj" in name))
    assert gone is not None
    save_file(weights, tmp_path / "model" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"MODEL_INCOMPLETE.*q_proj"):
        loading.load(planned.found.recipe, loading_checkpoint(tmp_path / "model"), loading.Placed("cpu", "float32"))


def test_four_bits() -> None:
    config = loading.four_bits()
    assert (config.load_in_4bit, config.bnb_4bit_quant_type, config.bnb_4bit_use_double_quant) == (True, "nf4", True)
    assert config.bnb_4bit_compute_dtype is torch.bfloat16


@pytest.mark.parametrize(
    ("dtype", "bf16", "fp16"), [("bfloat16", True, False), ("float16", False, True), ("float32", False, False)]
)
def test_settings_on_a_gpu(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str, bf16: bool, fp16: bool
) -> None:
    import trl

    monkeypatch.setattr(trl, "SFTConfig", lambda **settings: settings)
    recipe = tiny.recipe_of(folder, optimization={"gradient_checkpointing": True, "batch_size": 8})
    placed = loading.Placed("cuda:0", dtype)
    settings = trainer_settings.trainer_settings(recipe, tmp_path, placed, steps=7, devices=2, held_out=False)
    assert (settings["bf16"], settings["fp16"], settings["use_cpu"]) == (bf16, fp16, False)
    assert (settings["max_steps"], settings["gradient_accumulation_steps"], settings["eval_strategy"]) == (7, 2, "no")
    assert settings["activation_checkpointing_kwargs"] == {"use_reentrant": False}


def test_one_process_beside_several_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    with pytest.raises(UsageError, match="accelerate launch --num_processes 4"):
        trainer_settings.require_one_device_a_process(1, "cuda:0")
    trainer_settings.require_one_device_a_process(4, "cuda:1")
    trainer_settings.require_one_device_a_process(1, "cpu")
