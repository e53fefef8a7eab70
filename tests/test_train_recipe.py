"""Recipes: what is read of them, what is refused by name, and which files they find."""

import re
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroonco.errors import InputError, NeuroOncoError, UsageError
from neuroonco.train.recipe import fields_of, found_recipe, read_recipe, recipe_sha256, shipped_recipes
from neuroonco.train.records import LoraPart, Pictures, Quantization, Recipe

SHIPPED = ("neuroonco-gpt", "neuroonco-gpt-24gb", "neuroonco-gpt-cot", "neuroonco-gpt-open", "tiny")
SMALL = 'name = "mine"\ndescription = "of a test"\n[model]\nbase = "org/model"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recipe with its data beside it, and instructions of two kinds."""
    (tmp_path / "root").mkdir()
    (tmp_path / "rows.jsonl").write_text("{}\n")
    (tmp_path / "made").mkdir()
    for kind in ("closed_nocot", "closed_cot"):
        (tmp_path / "made" / f"instruction_{kind}_train.jsonl").write_text("{}\n")
    (tmp_path / "made" / "instruction_open_train.jsonl").write_text("")
    write(tmp_path, SMALL + '[data]\nfiles = ["rows.jsonl"]\nroot = "root"\n')
    return tmp_path


def write(folder: Path, text: str) -> Path:
    (folder / "mine.toml").write_text(text, encoding="utf-8")
    return folder / "mine.toml"


def refusal(call: Any, kind: type[NeuroOncoError] = InputError) -> NeuroOncoError:
    with pytest.raises(kind) as caught:
        call()
    assert "\n" not in caught.value.line
    return caught.value


# --- what is shipped ---


def test_shipped_recipes_are_those_of_the_docs() -> None:
    assert tuple(shipped_recipes()) == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_recipe_says_why_of_every_number(name: str) -> None:
    recipe, _ = read_recipe(name)
    assert recipe.name == name
    lines = shipped_recipes()[name].splitlines()
    numbers = [(line, above) for above, line in pairwise(lines) if re.match(r"[a-z_]+ = [\d.]", line)]
    assert len(numbers) >= 11
    assert not [line for line, above in numbers if "#" not in line and not above.startswith("#")]


@pytest.mark.parametrize(("name", "kind"), [("neuroonco-gpt", "closed_nocot"), ("neuroonco-gpt-cot", "closed_cot"),
                                            ("neuroonco-gpt-open", "open")])  # fmt: skip
def test_the_model_of_the_paper(name: str, kind: str) -> None:
    recipe, _ = read_recipe(name)
    assert recipe.model.base == "Qwen/Qwen3-VL-8B-Instruct"
    assert recipe.model.dtype == "bfloat16"
    assert recipe.lora is not None
    assert recipe.lora.targets == ("q_proj", "v_proj")
    optimization = recipe.optimization
    assert (optimization.learning_rate, optimization.scheduler, optimization.warmup_share) == (1e-4, "cosine", 0.05)
    assert (optimization.epochs, optimization.batch_size) == (1.0, 16)
    assert recipe.data.kinds == (kind,)
    assert recipe.data.min_pixels == 256**2
    assert recipe.data.max_pixels == 512**2


def test_the_small_card_differs_in_what_saves_memory_alone() -> None:
    large, small = (read_recipe(name)[0].model_dump() for name in ("neuroonco-gpt", "neuroonco-gpt-24gb"))
    assert small["model"].pop("quantization") is Quantization.NF4
    assert large["model"].pop("quantization") is Quantization.NONE
    assert small["optimization"].pop("device_batch_size") == 1
    assert large["optimization"].pop("device_batch_size") == 2
    for told in ("name", "description"):
        assert small.pop(told) != large.pop(told)
    assert small == large


# --- what is wrong with a recipe ---


@pytest.mark.parametrize(
    ("text", "code", "said", "fix"),
    [
        ("name = ", "RECIPE_BROKEN", "no TOML", "train recipes"),
        (SMALL + "[data]\nrows = 3\n", "RECIPE_INVALID", "no field 'data.rows'", "data.max_rows"),
        (SMALL + "lerning_rate = 1\n", "RECIPE_INVALID", "'model.lerning_rate'", "optimization.learning_rate"),
        (SMALL + "[optimization]\nlearning_rat = 1e-4\n", "RECIPE_INVALID", "'optimization.learning_rat'",
         "did you mean optimization.learning_rate?"),
        (SMALL + "[data]\nxyzzy = 3\n", "RECIPE_INVALID", "'data.xyzzy'", "data.max_tokens"),
        (SMALL + '[optimization]\nepochs = "2"\n', "RECIPE_INVALID", "optimization.epochs: input should be a valid",
         "docs/train.md"),
        (SMALL + "[optimization]\nlearning_rate = inf\n", "RECIPE_INVALID", "optimization.learning_rate", "docs"),
        (SMALL + "[optimization]\nbatch_size = 2.5\n", "RECIPE_INVALID", "optimization.batch_size", "docs"),
        (SMALL + "[optimization]\nbatch_size = true\n", "RECIPE_INVALID", "optimization.batch_size", "docs"),
        (SMALL + '[data]\nkinds = ["closed"]\n', "RECIPE_INVALID", "data.kinds.0", "docs"),
        (SMALL + "[data]\nfiles = [2026-01-01]\n", "RECIPE_INVALID", "data.files.0", "docs"),
        (SMALL + "[lora]\ntargets = []\n", "RECIPE_INVALID", "lora.targets", "docs"),
        ('name = "x"\n[model]\nbase = "a"\n', "RECIPE_INVALID", "description: field required", "docs"),
        ("lora = 3\n" + SMALL, "RECIPE_INVALID", "lora", "docs"),
        (SMALL + f"[lora]\nrank = {'9' * 400}\n", "RECIPE_INVALID", "lora.rank: input should be at most", "docs"),
        (SMALL + f"[lora]\nrank = {'9' * 5000}\n", "RECIPE_BROKEN", "4300 digits", "train recipes"),
        (SMALL + "[optimization]\nepochs = 1e300\n", "RECIPE_INVALID", "optimization.epochs", "docs"),
    ],
)  # fmt: skip
def test_one_line_about_a_wrong_recipe(tmp_path: Path, text: str, code: str, said: str, fix: str) -> None:
    error = refusal(lambda: read_recipe(str(write(tmp_path, text))))
    assert error.code == code
    assert said in error.what
    assert fix in error.fix
    assert error.where == "mine.toml"


def test_a_recipe_that_is_not_there_names_those_that_are() -> None:
    error = refusal(lambda: read_recipe("neuroonco-gtp"))
    assert error.code == "RECIPE_MISSING"
    assert all(name in error.fix for name in SHIPPED)


def test_a_recipe_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(SMALL, "utf-8-sig")
    assert (
        read_recipe(str(tmp_path / "mine.toml"))[0].description
        == read_recipe(str(write(tmp_path, SMALL)))[0].description
    )


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe\x00")
    assert refusal(lambda: read_recipe(str(tmp_path / "mine.toml"))).code == "ENCODING"
    assert refusal(lambda: read_recipe(str(tmp_path))).code == "NOT_A_FILE"


# --- changes ---


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("optimization.epochs", "2", 2.0),
        ("optimization.learning_rate", "5e-5", 5e-5),
        ("optimization.gradient_checkpointing", "false", False),
        ("optimization.max_steps", "none", None),
        ("optimization.max_steps", 7, 7),
        ("data.kinds", "open,closed_cot", ("open", "closed_cot")),
        ("data.pictures", "blank", Pictures.BLANK),
        ("data.pictures", Pictures.SHUFFLED, Pictures.SHUFFLED),
        ("lora.rank", "8", 8),
        ("lora.targets", "q_proj, k_proj", ("q_proj", "k_proj")),
        ("schedule.log_to", "tensorboard,wandb", ("tensorboard", "wandb")),
        ("schedule.log_to", "", ()),
        ("model.dtype", "float32", "float32"),
        ("name", "none", "none"),
    ],
)
def test_a_change_is_read_as_the_type_of_its_field(folder: Path, field: str, value: object, expected: object) -> None:
    found: Any = found_recipe(str(folder / "mine.toml"), changes={field: value}).recipe
    for part in field.split("."):
        found = getattr(found, part)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("field", "value", "code", "said"),
    [
        ("optimization.lr", "1", "FIELD_UNKNOWN", "'optimization.lr'"),
        ("learning_rate", "1", "FIELD_UNKNOWN", "optimization.learning_rate"),
        ("optimization.batch_size", "many", "FIELD_INVALID", "optimization.batch_size"),
        ("optimization.batch_size", "0", "FIELD_INVALID", "greater than or equal to 1"),
        ("optimization.learning_rate", "nan", "FIELD_INVALID", "optimization.learning_rate"),
        ("optimization.batch_size", "none", "FIELD_INVALID", "optimization.batch_size"),
        ("data.pictures", "gray", "FIELD_INVALID", "'blank'"),
        ("model", "x", "FIELD_INVALID", "model"),
        ("schedule.log_to", "mlflow", "FIELD_INVALID", "'wandb'"),
        ("", "1", "FIELD_UNKNOWN", "''"),
    ],
)
def test_a_change_that_cannot_be_made(folder: Path, field: str, value: object, code: str, said: str) -> None:
    error = refusal(lambda: found_recipe(str(folder / "mine.toml"), changes={field: value}), UsageError)
    assert error.code == code
    assert said in f"{error.what} {error.fix}"


def test_the_adapter_can_be_taken_away_and_be_made_by_one_field(folder: Path) -> None:
    place = str(folder / "mine.toml")
    assert found_recipe(place).recipe.lora is None
    assert found_recipe(place, changes={"lora.rank": 4}).recipe.lora == LoraPart(rank=4)
    write(folder, (folder / "mine.toml").read_text() + "[lora]\nrank = 2\n")
    assert found_recipe(place).recipe.lora == LoraPart(rank=2)
    assert found_recipe(place, changes={"lora": "none"}).recipe.lora is None


@given(name=st.text(max_size=30), value=st.one_of(st.none(), st.text(max_size=10), st.integers(), st.floats()))
@settings(max_examples=80, deadline=None)
def test_no_change_ends_in_a_traceback(name: str, value: object) -> None:
    for field in (name, "optimization.learning_rate", "data.files", "lora", "model.base"):
        with suppress(NeuroOncoError):
            found_recipe("tiny", changes={field: value})


# --- places ---


def test_places_are_relative_to_the_recipe(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    found = found_recipe(f"{folder.name}/mine.toml")
    assert found.files == (Path(folder.name) / "rows.jsonl",)
    assert found.root == Path(folder.name) / "root"
    assert found.recipe.model.base == "org/model"


def test_a_model_beside_the_recipe(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "models" / "base").mkdir(parents=True)
    data = '[data]\nfiles = ["rows.jsonl"]\nroot = "root"\n'
    write(folder, SMALL.replace("org/model", "models/base") + data)
    monkeypatch.chdir(folder.parent)
    found = found_recipe(f"{folder.name}/mine.toml")
    assert found.recipe.model.base == f"{folder.name}/models/base"
    given = found_recipe(f"{folder.name}/mine.toml", changes={"model.base": "elsewhere/base"})
    assert given.recipe.model.base == "elsewhere/base"
    assert given.sha256 == found.sha256


def test_data_of_the_command_line_come_in_place_of_the_recipe(folder: Path) -> None:
    given = {"data": (folder / "made",), "root": folder}
    found = found_recipe(str(folder / "mine.toml"), **given)
    assert found.files == (folder / "made" / "instruction_closed_nocot_train.jsonl",)
    assert found.root == folder
    both = found_recipe(str(folder / "mine.toml"), **given, changes={"data.kinds": "closed_cot,closed_nocot"})
    assert [file.name.split("_")[2] for file in both.files] == ["cot", "nocot"]
    assert both.sha256 != found.sha256


@pytest.mark.parametrize(
    ("data", "changes", "code"),
    [
        (("missing.jsonl",), {}, "FILE_MISSING"),
        (("root",), {}, "FILE_MISSING"),
        (("made",), {"data.kinds": "open"}, "DATA_EMPTY"),
        (("made",), {"data.kinds": ""}, "KINDS_NONE"),
        (("made/instruction_open_train.jsonl",), {}, "DATA_EMPTY"),
        ((), {"data.root": "nowhere"}, "ROOT_MISSING"),
    ],
)
def test_data_that_cannot_be_used(folder: Path, data: tuple[str, ...], changes: dict[str, str], code: str) -> None:
    places = tuple(folder / name for name in data)
    assert refusal(lambda: found_recipe(str(folder / "mine.toml"), data=places, changes=changes)).code == code


def test_a_recipe_without_data_or_root(folder: Path) -> None:
    place = str(write(folder, SMALL))
    assert refusal(lambda: found_recipe(place), UsageError).code == "DATA_UNNAMED"
    rows = (folder / "rows.jsonl",)
    assert refusal(lambda: found_recipe(place, data=rows), UsageError).code == "ROOT_UNNAMED"
    twice = (*rows, folder / "root" / ".." / "rows.jsonl")
    assert refusal(lambda: found_recipe(place, data=twice, root=folder), UsageError).code == "DATA_TWICE"


# --- hash ---


def hash_with(**parts: dict[str, Any]) -> str:
    document = read_recipe("neuroonco-gpt")[0].model_dump(mode="json")
    for name, values in parts.items():
        document[name] |= values
    return recipe_sha256(Recipe.model_validate(document))


def test_the_hash_leaves_out_places_and_nothing_else() -> None:
    same = hash_with()
    assert hash_with(data={"files": ["a.jsonl"], "root": "b"}) == same
    assert hash_with(model={"base": "/copies/Qwen3-VL-8B-Instruct"}) == same
    for name in fields_of():
        part, _, last = name.rpartition(".")
        value: Any = getattr(getattr(read_recipe("neuroonco-gpt")[0], part, None), last, None)
        if isinstance(value, bool):
            assert hash_with(**{part: {last: not value}}) != same, name
        elif isinstance(value, float) and name != "data.held_out_share":
            assert hash_with(**{part: {last: value / 2 + 0.01}}) != same, name
        elif isinstance(value, int):
            assert hash_with(**{part: {last: value + 1}}) != same, name
    assert hash_with(data={"kinds": ["open"]}) != same
    assert hash_with(data={"pictures": "blank"}) != same
    assert hash_with(model={"base": "Qwen/Qwen3-VL-4B-Instruct"}) != same
