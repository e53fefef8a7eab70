"""The card says what the training's own records say, with n and interval, and takes no text of data for markup."""

import json
import re
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
import typer
import yaml
from typer.testing import CliRunner

from neuroonco.cli.train_models import add_models
from neuroonco.errors import InputError, UsageError
from neuroonco.train.card import render_card
from neuroonco.train.card_facts import read_scores, read_sources
from neuroonco.train.card_text import escaped
from neuroonco.train.records import Recipe, Trained

GOLDEN = Path(__file__).parent / "golden"
SCORE = GOLDEN / "score.json"


def trained(**changes: Any) -> Trained:
    """A finished training of an adapter; ``recipe`` updates parts of its recipe."""
    recipe: dict[str, Any] = {
        "name": "neuroonco-gpt",
        "description": "Letters of closed questions",
        "model": {"base": "Qwen/Qwen3-VL-8B-Instruct"},
        "data": {"max_pixels": 262144},
        "lora": {},
        "optimization": {},
    }
    for name, part in changes.get("recipe", {}).items():
        recipe[name] = {**recipe[name], **part} if isinstance(part, dict) else part
    given: dict[str, Any] = {
        "recipe": Recipe.model_validate(recipe), "recipe_sha256": "1a" * 32,
        "base": "local:Qwen3-VL-8B-Instruct@0123456789ab", "data_sha256": "2b" * 32, "rows": 24726,
        "held_out_rows": 505, "pictures": "real", "steps": 1546, "parameters": 8767123696,
        "trainable_parameters": 7667712, "adapter": True, "seconds": 7384.4, "tokens_seen": 9123456,
        "tokens_per_s": 1235.51, "train_loss": 0.41237, "held_out_loss": 0.43219, "device": "NVIDIA H200",
        "devices": 2, "versions": {"trl": "1.16.0", "torch": "2.13.0", "neuroonco": "0.1.0"},
    }  # fmt: skip
    return Trained.model_validate(given | {name: value for name, value in changes.items() if name != "recipe"})


def comparison(path: Path, *, complete: bool = True) -> Path:
    """What `compare --json` prints of two models."""
    figure = {"value": 0.7, "low": 0.6512, "high": 0.7449, "n": 400}
    nothing = {"value": None, "low": None, "high": None, "n": 0}
    models = [
        {"model": name, "accuracy": figure, "macro_by_type": nothing, "complete": complete}
        for name in ("local:tuned@111111111111", "local:base@222222222222")
    ]
    pair = {
        "a": models[0]["model"], "b": models[1]["model"],
        "difference": {"value": -0.0325, "low": -0.06, "high": -0.005, "n": 400, "clusters": 90},
        "both_right": 200, "only_a": 30, "only_b": 43, "neither": 127, "mcnemar_p": 0.16, "sign_flip_p": 0.0004,
        "holm_p": 0.0004,
    }  # fmt: skip
    document = {"models": models, "pairs": [pair], "tests": 1, "clusters": {}, "unreadable_questions": 0}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def closed_score(path: Path, **changes: Any) -> Path:
    """What `score --json` prints of a closed benchmark."""
    document = {"models": ["local:tuned@111111111111"], **json.loads(SCORE.read_text("utf-8")), **changes}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def statistics(path: Path, counts: dict[str, dict[str, int]]) -> Path:
    path.write_text(json.dumps({"by_source": counts}), encoding="utf-8")
    return path


def front_of(card: str) -> dict[str, Any]:
    assert card.startswith("---\n")
    return dict(yaml.safe_load(card.split("---\n")[1]))


def test_the_whole_card(tmp_path: Path) -> None:
    files = (closed_score(tmp_path / "tuned.json"), comparison(tmp_path / "against_base.json"))
    sources = read_sources(
        statistics(
            tmp_path / "statistics.json", {"closed_nocot": {"16": 20000, "07": 4726, "zz": 505}, "open": {"01": 9}}
        ),
        ("closed_nocot",),
    )
    card = render_card(
        trained(recipe={"model": {"quantization": "nf4"}}, resumed_at=(400,)),
        scores=tuple(read_scores(path) for path in files),
        sources=sources,
        license_id="apache-2.0",
        datasets=("somebody/mri-instructions",),
    )
    golden = GOLDEN / "train_card.md"
    assert card == golden.read_text("utf-8")


def test_the_head_is_yaml_that_the_hub_reads() -> None:
    head = front_of(render_card(trained(), license_id="apache-2.0", datasets=("a/b", "c/d")))
    assert head["license"] == "apache-2.0"
    assert head["base_model"] == "Qwen/Qwen3-VL-8B-Instruct"
    assert head["base_model_relation"] == "adapter"
    assert head["library_name"] == "peft"
    assert head["pipeline_tag"] == "image-text-to-text"
    assert head["datasets"] == ["a/b", "c/d"]
    assert "lora" in head["tags"]
    merged = front_of(render_card(trained(), is_merged=True))
    assert (merged["library_name"], merged["base_model_relation"]) == ("transformers", "finetune")
    assert "license" not in merged  # nobody chose one
    whole = front_of(render_card(trained(adapter=False, recipe={"lora": None})))
    assert (whole["library_name"], whole["base_model_relation"]) == ("transformers", "finetune")
    assert "lora" not in whole["tags"]


def test_a_base_from_a_folder_is_named_and_its_place_is_not(tmp_path: Path) -> None:
    for place in (str(tmp_path / "base"), "../models/base", "models/kept"):
        (tmp_path / "models" / "kept").mkdir(parents=True, exist_ok=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path)
            card = render_card(trained(recipe={"model": {"base": place}}))
        assert "base_model" not in front_of(card)
        assert place not in card
        assert "Qwen3-VL-8B-Instruct" in card


def test_without_a_score_it_says_so() -> None:
    card = render_card(trained())
    assert "Not evaluated" in card
    assert "- It was not evaluated." in card
    assert "accuracy" not in card


def test_scores_have_n_and_interval(tmp_path: Path) -> None:
    card = render_card(trained(), scores=(read_scores(comparison(tmp_path / "c.json")),))
    assert "| local:tuned@111111111111 | accuracy | 70.0 % | 65.1 to 74.5 | 400 |" in card
    assert "| local:tuned@111111111111 | accuracy, mean over question types | – | – | 0 |" in card
    assert "| −3.2 | −6.0 to −0.5 | < 0.001 | 400 |" in card
    assert "Not evaluated" not in card
    assert "incomplete" not in card
    card = render_card(trained(), scores=(read_scores(comparison(tmp_path / "d.json", complete=False)),))
    assert "incomplete" in card
    assert "A score is incomplete" in card


def test_answers_that_could_not_be_read_are_counted_beside_the_accuracy(tmp_path: Path) -> None:
    none = {"value": 0.0, "low": 0.0, "high": 0.0087, "n": 440}
    kinds = {"shape": none | {"n": 40}}
    lost = {"ok": 0, "unparsed": 440, "api_error": 0, "missing": 0}
    path = closed_score(
        tmp_path / "s.json", accuracy=none, macro_by_type=none, by_type=kinds, status=lost, complete=True
    )
    compared = comparison(tmp_path / "c.json")
    document = json.loads(compared.read_text("utf-8"))
    document["models"][0]["accuracy"] = none
    compared.write_text(json.dumps(document), encoding="utf-8")
    card = render_card(trained(), scores=(read_scores(path), read_scores(compared)))
    assert "s.json; 440 of 440 questions have no valid answer (440 unreadable):" in card
    told = "| local:tuned@111111111111 | accuracy | 0.0 % | 0.0 to 0.9 | 440 (440 unreadable) |"
    assert card.count(told) == 2  # in the score, and where the comparison says the same
    assert "| accuracy: shape | 0.0 % | 0.0 to 0.9 | 40 (40 unreadable) |" in card
    assert "| local:base@222222222222 | accuracy | 70.0 % | 65.1 to 74.5 | 400 |" in card
    limits = card.partition("## Limits")[2]
    assert "No answer in s.json is valid (440 unreadable)" in limits
    some = closed_score(tmp_path / "t.json", status={"ok": 1, "unparsed": 1, "api_error": 2}, complete=True)
    card = render_card(trained(), scores=(read_scores(some),))
    assert "| accuracy | 50.0 % | 0.0 to 100.0 | 4 (1 unreadable, 2 failed) |" in card
    assert "| accuracy: shape | 0.0 % | 0.0 to 79.3 | 1 |" in card  # nobody knows of which type they were
    assert "In t.json 3 of 4 questions have no valid answer" in card.partition("## Limits")[2]
    whole = closed_score(tmp_path / "u.json", status={"ok": 4, "unparsed": 0}, complete=True)
    assert "valid answer" not in render_card(trained(), scores=(read_scores(whole),))


def test_a_training_that_ended_within_its_first_epoch_says_how_much_it_saw() -> None:
    card = render_card(trained(steps=20, recipe={"optimization": {"max_steps": 20}}))
    assert "| rows trained on | 320 of 24,726 |" in card  # sixteen a step
    told = "The training ended after 20 steps, before one epoch: it saw 320 of 24,726 samples."
    assert told in card.partition("## Limits")[2]
    assert "it saw 300 of 24,726" in render_card(trained(steps=20, rows_seen=300))  # what was noted counts
    assert "before one epoch" not in render_card(trained(steps=1546, recipe={"optimization": {"max_steps": 1546}}))


def test_the_commands_of_the_card_are_whole() -> None:
    lines = render_card(trained()).splitlines()
    assert all("--form instruction" in line for line in lines if line.startswith("neuroonco predict"))
    assert {line for line in lines if line.startswith("neuroonco score")} == {"neuroonco score BENCHMARK runs/tuned"}


def test_scores_of_open_questions(tmp_path: Path) -> None:
    figure = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 80}
    attributes = {"f1": figure, "precision": figure | {"value": 0.25}, "recall": figure}
    document = {"models": ["m"], "attributes": attributes, "by_type": {"shape": figure}, "rouge_l": figure,
                "bleu": figure, "chrf": figure, "complete": True}  # fmt: skip
    path = tmp_path / "open.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    rows = {row.measure: (row.value, row.n) for row in read_scores(path).rows}
    assert rows["attribute precision"] == (0.25, 80)
    assert rows["attribute recall: shape"] == (0.5, 80)
    assert rows.keys() >= {"ROUGE-L", "BLEU", "chrF", "attribute f1"}


@pytest.mark.parametrize("document", [[], {}, {"models": []}, {"models": ["m"], "accuracy": 3}, {"pairs": [], "x": 1}])
def test_what_is_no_score_is_refused(document: object, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InputError) as raised:
        read_scores(path)
    assert raised.value.code == "SCORE_UNKNOWN"
    assert str(tmp_path) not in raised.value.line


def test_text_of_data_is_no_markup(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script> | [x](https://evil) `a` **b**\n# c\x1b[31m ---"
    data = {"zz|<b>": 4}
    kinds = {hostile: {"value": 1, "low": 0, "high": 1, "n": 2}}
    files = closed_score(tmp_path / "s.json", models=[hostile], by_type=kinds)
    card = render_card(
        trained(recipe={"name": hostile, "description": hostile}, device=hostile, versions={hostile: hostile}),
        scores=(read_scores(files),),
        sources=read_sources(statistics(tmp_path / "t.json", {"closed_nocot": data}), ("closed_nocot",)),
    )
    for markup in ("<script", "<b>", "https://evil", "\x1b", "`a`", "\n# c"):
        assert markup not in card
    assert re.findall(r"(?<!\\)\[[^\]]*\]\(([^)]*)\)", card) == ["https://arxiv.org/abs/2602.22955"]
    assert front_of(card)["pipeline_tag"] == "image-text-to-text"
    rows = [line for line in card.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows} <= {3, 4, 6}  # no cell is broken in two
    assert escaped("a_b") == r"a\_b"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pictures": "blank"}, "trained on blank pictures"),
        ({"pictures": "shuffled"}, "with the pictures of other rows"),
        ({"held_out_rows": 0}, "No row was held out"),
        ({"resumed_at": (3, 1200)}, "went on from step 3, 1,200"),
        ({"recipe": {"data": {"max_rows": 5000}}}, "At most 5,000 rows"),
        ({"recipe": {"model": {"quantization": "nf4"}}}, "over four-bit weights"),
        ({"recipe": {"optimization": {"seed": 77}}}, "one seed (77)"),
    ],
)
def test_limits_come_from_facts(changes: dict[str, Any], said: str) -> None:
    assert said in render_card(trained(**changes)).partition("## Limits")[2]
    assert said not in render_card(trained()).partition("## Limits")[2]


def test_the_terms_of_sources_are_told(tmp_path: Path) -> None:
    counts = {"closed_nocot": {"01": 5, "02_none": 2}, "open": {"07": 100}}
    sources = read_sources(statistics(tmp_path / "s.json", counts), ("closed_nocot",))
    assert [(one.source_id, one.rows, one.license) for one in sources] == [("01", 5, "MIT"), ("02_none", 2, "unknown")]
    assert "The terms of 1 of 2 sources are unknown" in render_card(trained(), sources=sources)
    with pytest.raises(InputError) as raised:
        read_sources(closed_score(tmp_path / "x.json", by_source=3), ("closed_nocot",))
    assert raised.value.code == "STATISTICS_UNKNOWN"


def test_the_same_facts_give_the_same_bytes_and_a_merged_model_is_not_merged_again() -> None:
    assert render_card(trained()) == render_card(trained())
    assert "train merge" in render_card(trained())
    assert "train merge" not in render_card(trained(), is_merged=True)
    assert "**This is not a medical device.**" in render_card(trained(), is_merged=True)


@pytest.fixture
def command() -> typer.Typer:
    """The group `train` with what follows a training."""
    group = typer.Typer()
    add_models(group)
    return group


def test_the_command_writes_the_card(command: typer.Typer, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "training.json").write_text(trained().model_dump_json(), encoding="utf-8")
    score = closed_score(tmp_path / "tuned.json", complete=True)
    out = tmp_path / "README.md"
    given = ["card", str(run), "--score", str(score), "--license", "apache-2.0", "--out", str(out), "--json"]
    ended = CliRunner().invoke(command, given)
    assert ended.exit_code == 0, ended.output
    assert json.loads(ended.stdout) == {"scores": 7, "sources": 0, "out": "README.md", "sha256": ANY}
    card = render_card(trained(), scores=(read_scores(score),), license_id="apache-2.0")
    assert out.read_text("utf-8") == card
    shown = CliRunner().invoke(command, ["card", str(run)])
    assert shown.stdout == render_card(trained())


def test_a_card_that_is_there_stays_unless_it_is_as_merge_wrote_it(command: typer.Typer, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "training.json").write_text(trained().model_dump_json(), encoding="utf-8")
    out = tmp_path / "README.md"
    given = ["card", str(run), "--license", "apache-2.0", "--merged", "--out", str(out)]
    card = render_card(trained(), license_id="apache-2.0", is_merged=True)
    out.write_text(render_card(trained(), is_merged=True), encoding="utf-8")
    assert CliRunner().invoke(command, given).exit_code == 0
    assert out.read_text("utf-8") == card
    edited = render_card(trained(), is_merged=True) + "\nMine.\n"
    for there in (edited, card):
        out.write_text(there, encoding="utf-8")
        raised = CliRunner().invoke(command, given).exception
        assert isinstance(raised, InputError)
        assert raised.code == "OUT_EXISTS"
        assert "--overwrite" in raised.fix
        assert out.read_text("utf-8") == there
    assert CliRunner().invoke(command, [*given, "--overwrite"]).exit_code == 0
    out.unlink()
    out.symlink_to(tmp_path / "nowhere")
    assert isinstance(CliRunner().invoke(command, given).exception, InputError)


def test_an_export_takes_another_base_and_changed_fields(command: typer.Typer, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "rows.jsonl").write_text("{}\n", encoding="utf-8")
    given = ["export", "neuroonco-gpt", "--to", "llama-factory", "--data", str(tmp_path / "rows.jsonl")]
    given += ["--root", str(tmp_path / "pictures"), "--out"]
    changed = ["--model", "local:somebody/else", "--set", "optimization.learning_rate=7e-6"]
    ended = CliRunner().invoke(command, [*given, str(tmp_path / "a"), *changed])
    assert ended.exit_code == 0, ended.output
    settings = yaml.safe_load((tmp_path / "a" / "train.yaml").read_text("utf-8"))
    assert (settings["model_name_or_path"], settings["learning_rate"]) == ("somebody/else", 7e-6)
    labels = [line.partition(":")[0] for line in ended.stderr.splitlines()[1:]]
    assert labels == sorted(labels, key="must be done differs".index)
    assert labels[0] == "must be done"  # the family is not known
    for wrong in (["--set", "optimization.rate=1"], ["--set", "seed"]):
        assert isinstance(CliRunner().invoke(command, [*given, str(tmp_path / "b"), *wrong]).exception, UsageError)


@pytest.mark.parametrize(
    ("name", "fix"),
    [("llamafactory", "did you mean llama-factory?"), ("MS_Swift", "did you mean ms-swift?"),
     ("zzz", "one of llama-factory, ms-swift, unsloth")],
)  # fmt: skip
def test_a_trainer_that_is_misspelt_is_named(name: str, fix: str, command: typer.Typer, tmp_path: Path) -> None:
    given = ["export", "neuroonco-gpt", "--to", name, "--out", str(tmp_path / "out")]
    raised = CliRunner().invoke(command, given).exception
    assert isinstance(raised, UsageError)
    assert raised.fix == fix
    assert "Value error" not in raised.line


def test_the_command_exports_a_recipe(command: typer.Typer, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "rows.jsonl").write_text("{}\n", encoding="utf-8")
    given = ["export", "neuroonco-gpt", "--to", "ms-swift", "--data", str(tmp_path / "rows.jsonl")]
    given += ["--root", str(tmp_path / "pictures"), "--out", str(tmp_path / "out")]
    ended = CliRunner().invoke(command, [*given, "--json"])
    assert ended.exit_code == 0, ended.output
    told = json.loads(ended.stdout)
    assert (told["target"], told["recipe"], told["devices"]) == ("ms-swift", "neuroonco-gpt", 1)
    assert told["differs"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*told["files"], "export.json"}
    assert isinstance(CliRunner().invoke(command, given).exception, InputError)  # the place is taken
