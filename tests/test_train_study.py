"""A study of what pictures taught: three tiny trainings, six runs, the gains, and going on where it was cut off."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from PIL import Image

from closed_items import closed_item
from neuroonco import images, store
from neuroonco.build.records import ClosedItem
from neuroonco.control_pictures import PictureName
from neuroonco.errors import InputError, UsageError
from neuroonco.models.ledger import Ledger
from neuroonco.models.picture import encode_picture
from neuroonco.predict.records import PictureMode, PromptForm
from neuroonco.predict.run_files import read_closed_run
from neuroonco.report.study_records import Study, StudyRole
from neuroonco.report.study_words import is_widened
from neuroonco.train.records import Pictures
from neuroonco.vocabulary import QuestionType
from neuroonco.walk.comparison_page import Asked, gather_closed

torch = pytest.importorskip("torch", reason="torch is not installed (make test installs it where it can)")
for library in ("transformers", "accelerate", "peft", "trl", "datasets"):
    pytest.importorskip(library, reason=f"{library} is not installed")

from neuroonco.cli.train_study import add_study  # noqa: E402  (what follows needs the libraries)
from neuroonco.models.local_model import LocalModel  # noqa: E402
from neuroonco.train.fit import fit  # noqa: E402
from neuroonco.train.merge import merge  # noqa: E402
from neuroonco.train.training_folder import toml_of  # noqa: E402
from neuroonco.walk import study_models, studying  # noqa: E402
from neuroonco.walk.local_model import ENDPOINT  # noqa: E402
from neuroonco.walk.study_parts import PARTS, AskedStudy  # noqa: E402
from neuroonco.walk.studying import ready, study  # noqa: E402
from training_fixtures import SIDE_PX, recipe_of, write_training  # noqa: E402

QUESTIONS = 10
SEED = 5


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def write_benchmark(folder: Path) -> list[ClosedItem]:
    """Ten questions about ten pictures that nobody trained on, of two types."""
    (folder / "test").mkdir()
    items = []
    for n in range(QUESTIONS):
        noise = np.random.default_rng(1000 + n).integers(0, 60, (SIDE_PX, SIDE_PX + 8), dtype=np.uint8)
        Image.fromarray(noise + np.uint8(180 * (n % 2))).save(folder / "test" / f"t{n}.png")
        kind = QuestionType.SHAPE if n < 4 else QuestionType.MARGINS
        item = closed_item(f"t{n}", "AB"[n % 2], texts=("dark", "bright"), image_path=f"t{n}.png", question_type=kind)
        items.append(item.model_copy(update={"question": "How is it?"}))
    store.save(folder / "closed.jsonl", items, ClosedItem)
    return items


def asked_of(folder: Path, **changes: Any) -> AskedStudy:
    given: dict[str, Any] = {
        "recipe": str(folder / "recipe.toml"),
        "data": (folder / "instructions.jsonl",),
        "root": folder / "root",
        "benchmark": folder / "closed.jsonl",
        "benchmark_root": folder / "test",
        "out": folder / "study",
        "resamples": 200,
    }
    return AskedStudy(**given | changes)


def command(folder: Path, *options: str, out: str = "study") -> int:
    app = typer.Typer()
    add_study(app)
    app.callback()(lambda: None)
    said = ["study", str(folder / "recipe.toml"), "--data", str(folder / "instructions.jsonl")]
    said += ["--root", str(folder / "root"), "--benchmark", str(folder / "closed.jsonl")]
    said += ["--benchmark-root", str(folder / "test"), "--out", str(folder / out), "--resamples", "200", *options]
    return int(app(said, standalone_mode=False) or 0)


class Done:
    """A finished study, and what it was made of."""

    def __init__(self, folder: Path, items: list[ClosedItem], found: Study, lines: list[str]) -> None:
        self.folder, self.items, self.found, self.lines = folder, items, found, lines
        self.out = folder / "study"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder = tmp_path_factory.mktemp("secret-place")
    write_training(folder, rows=20)
    recipe = recipe_of(folder, optimization={"max_steps": 3}, schedule={"evaluate_every_steps": 2})
    (folder / "recipe.toml").write_text(toml_of(recipe))
    items = write_benchmark(folder)
    lines: list[str] = []
    found = study(ready(asked_of(folder)), say=lines.append)
    return Done(folder, items, found, lines)


@pytest.fixture
def copied(done: Done, tmp_path: Path) -> Path:
    """A copy of the whole, to be broken."""
    shutil.copytree(done.folder, tmp_path / "all", symlinks=True)
    return tmp_path / "all"


class Work:
    """What was trained, merged and computed since."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.trained: list[str] = []
        self.merged: list[str] = []
        self.judged = 0
        judge = LocalModel.letter_logprobs

        def counting_fit(planned: Any, out: Path, **options: Any) -> Any:
            self.trained.append(out.name)
            return fit(planned, out, **options)

        def counting_merge(source: Path, out: Path, **options: Any) -> str:
            self.merged.append(out.name)
            return merge(source, out, **options)

        def counting_judge(model: LocalModel, prompts: Any, letters: Any) -> Any:
            self.judged += len(prompts)
            return judge(model, prompts, letters)

        monkeypatch.setattr(studying, "fit", counting_fit)
        monkeypatch.setattr(study_models, "merge", counting_merge)
        monkeypatch.setattr(LocalModel, "letter_logprobs", counting_judge)


# --- what it comes to ---


def test_three_trainings_and_six_runs_of_four_models(done: Done) -> None:
    found = done.found
    (seed,) = found.seeds
    assert seed.seed == SEED
    assert [(t.pictures.value, t.trained.steps, t.trained.recipe.data.pictures.value) for t in seed.trainings] == [
        ("real", 3, "real"),
        ("blank", 3, "blank"),
        ("shuffled", 3, "shuffled"),
    ]
    assert len({t.trained.recipe_sha256 for t in seed.trainings}) == 3
    assert len({(t.trained.base, t.trained.data_sha256, t.trained.rows) for t in seed.trainings}) == 1
    assert [[point.step for point in t.curve] for t in seed.trainings] == [[1, 2, 3]] * 3
    assert [run.role for run in seed.runs] == list(StudyRole)
    assert len({run.model.removeprefix("blank:") for run in seed.runs}) == 4
    assert {run.accuracy.n for run in seed.runs} == {QUESTIONS}
    assert found.complete
    assert (found.questions, found.images, found.form) == (QUESTIONS, QUESTIONS, PromptForm.INSTRUCTION)
    assert store.read_json(done.out / "study.json") == found.model_dump(mode="json")


def test_contrasts_are_those_of_the_prediction_files(done: Done) -> None:
    (seed,) = done.found.seeds
    truth = {item.image_id: item.answer for item in done.items}
    right = {}
    for run in seed.runs:
        rows = [json.loads(line) for line in (done.out / run.folder / "predictions.jsonl").read_text().splitlines()]
        right[run.role] = {row["id"]: row.get("pred") == truth[row["id"]] for row in rows}
        assert run.accuracy.value == sum(right[run.role].values()) / QUESTIONS
    assert [c.second for c in seed.contrasts if c.is_prespecified] == [
        StudyRole.BASE,
        StudyRole.BLANK_ON_BLANK,
        StudyRole.SHUFFLED_ON_REAL,
    ]
    of_shape = {item.image_id for item in done.items if item.question_type is QuestionType.SHAPE}
    for contrast in seed.contrasts:
        mine, other = right[StudyRole.TUNED], right[contrast.second]
        assert contrast.first is StudyRole.TUNED
        assert contrast.pair.difference.value == pytest.approx((sum(mine.values()) - sum(other.values())) / QUESTIONS)
        assert contrast.pair.only_a == sum(mine[name] and not other[name] for name in truth)
        assert contrast.tests == (3 if contrast.is_prespecified else 2)
        by_type = contrast.by_type["shape_binary"]
        assert by_type.value == pytest.approx(sum(mine[n] - other[n] for n in of_shape) / 4)
        assert by_type.n == 4
    alone = max((StudyRole.BLANK_ON_BLANK, StudyRole.BLANK_ON_REAL), key=lambda role: sum(right[role].values()))
    assert seed.stated.text_alone is alone
    assert seed.stated.remaining.value == pytest.approx(
        (sum(right[StudyRole.TUNED].values()) - sum(right[alone].values())) / QUESTIONS
    )


def test_pictures_are_blank_where_they_are_said_to_be(done: Done) -> None:
    own = {}
    for item in done.items:
        pixels = images.read_picture(done.folder / "test", PictureName.of(item))
        gray = np.full_like(pixels, 128)
        own[item.image_id] = (encode_picture(pixels, ENDPOINT).sha256, encode_picture(gray, ENDPOINT).sha256)
    with Ledger(done.out / "ledger.sqlite", create=False) as ledger:
        shown = {entry.request_hash: entry.call.image_sha256 for entry in ledger.entries()}
        texts = {turn.text for entry in ledger.entries() for turn in entry.call.turns}
    assert texts == {"How is it?\nOptions:\nA. dark\nB. bright\n\nAnswer with the option letter only."}
    for part in PARTS:
        run = read_closed_run(asked_of(done.folder).predictions(part, SEED))
        is_blank = part.asked_with is PictureMode.BLANK
        for prediction in run.predictions:
            assert shown[str(prediction.request_hash)] == own[prediction.id][is_blank], part.role


def test_the_runs_go_into_a_comparison(done: Done) -> None:
    places = tuple(done.out / run.folder for run in done.found.seeds[0].runs)
    page = gather_closed(Asked(places=places, errors=0, resamples=50))
    assert len(page.models) == 6
    assert page.questions == QUESTIONS


# --- going on ---


def test_a_whole_study_is_only_written_again(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work, out = Work(monkeypatch), copied / "study"
    before = {name: (out / name).read_bytes() for name in ("study.json", "study.html")}
    for name in before:
        (out / name).unlink()
    shutil.rmtree(out / "predictions" / f"tuned-{SEED}")
    study(ready(asked_of(copied)))
    assert (work.trained, work.merged, work.judged) == ([], [], 0)
    assert {name: (out / name).read_bytes() for name in before} == before


def test_trainings_that_are_there_are_not_made_again(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Study.model_validate(store.read_json(copied / "study" / "study.json"))
    (copied / "other").mkdir()
    (copied / "study" / "trainings").rename(copied / "other" / "trainings")
    shutil.rmtree(copied / "other" / "trainings" / f"shuffled-{SEED}")
    work = Work(monkeypatch)
    found = study(ready(asked_of(copied, out=copied / "other")))
    assert work.trained == [f"shuffled-{SEED}"]
    assert work.merged == [f"tuned-{SEED}", f"blank-tuned-{SEED}", f"shuffled-tuned-{SEED}"]
    assert work.judged == 4 * QUESTIONS + 2  # a question that is asked with a gray picture is the same for all
    assert found.seeds[0].runs == before.seeds[0].runs
    assert found.seeds[0].contrasts == before.seeds[0].contrasts


def test_a_model_follows_its_training(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that was made anew is merged and asked anew; what has nothing to do with it stays."""
    place = copied / "study" / "trainings" / f"real-{SEED}" / "training.json"
    place.write_text(place.read_text().replace('"seconds": ', '"seconds": 1'))
    model, work = copied / "study" / "models" / f"blank-tuned-{SEED}", Work(monkeypatch)
    (model.parent / f"{model.name}.made-of.json").unlink()  # killed before the model was whole
    study(ready(asked_of(copied)))
    assert work.merged == [f"tuned-{SEED}", f"blank-tuned-{SEED}"]
    study(ready(asked_of(copied)))
    assert work.merged == [f"tuned-{SEED}", f"blank-tuned-{SEED}"]
    shutil.rmtree(model)
    study(ready(asked_of(copied)))
    assert work.merged[2:] == [f"blank-tuned-{SEED}"]
    assert work.judged == 0  # the same weights: their answers are there


def test_trainings_on_other_rows_are_not_compared(copied: Path) -> None:
    place = copied / "study" / "trainings" / f"blank-{SEED}" / "training.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | {"rows": 15}))
    with pytest.raises(InputError, match="same rows"):
        study(ready(asked_of(copied)))


def test_a_question_that_nobody_was_asked_makes_it_incomplete_until_it_is(
    copied: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (copied / "test" / "t3.png").rename(copied / "away.png")
    shutil.rmtree(copied / "study" / "predictions" / "base")
    with pytest.raises(InputError) as caught:
        command(copied)
    assert caught.value.code == "STUDY_PICTURES"
    assert caught.value.what == "1 of the benchmark's 10 pictures cannot be read, the first is t3.png"
    assert "--benchmark-root" in str(caught.value.fix)
    assert not (copied / "study" / "predictions" / "base").exists()
    assert command(copied, "--allow-missing") == 1
    printed = capsys.readouterr()
    assert "Tuned minus" in printed.out
    assert "mend them or --benchmark-root" in printed.err
    assert "calls failed" not in printed.err
    assert "INCOMPLETE" in printed.err
    warning = "WARNING: 1 of the benchmark's 10 pictures cannot be read"
    assert -1 < printed.err.find(warning) < printed.err.find("predict by")  # before the work, not after
    assert command(copied, "--dry-run", "--allow-missing") == 0
    assert warning in capsys.readouterr().err
    assert str(copied) not in printed.out + printed.err
    found = Study.model_validate(store.read_json(copied / "study" / "study.json"))
    assert (found.complete, found.leaks.not_compared) == (False, 1)
    assert found.seeds[0].stated.finding.value == "incomplete"
    assert "nothing is stated" in found.headline
    (copied / "away.png").rename(copied / "test" / "t3.png")
    work = Work(monkeypatch)
    assert study(ready(asked_of(copied))).complete
    assert work.judged == 0


# --- what is refused ---


@pytest.mark.parametrize("broken", ["away", "cut off"])
def test_pictures_that_cannot_be_read_stop_it_before_the_first_step(copied: Path, broken: str) -> None:
    """A picture that is there and cut off counts as one that is not there."""
    root = copied / "test"
    if broken == "away":
        root = copied / "elsewhere"
        root.mkdir()
        expected = "10 of the benchmark's 10 pictures cannot be read, the first is t0.png"
    else:
        (root / "t6.png").write_bytes((root / "t6.png").read_bytes()[:60])
        expected = "1 of the benchmark's 10 pictures cannot be read, the first is t6.png"
    asked = asked_of(copied, benchmark_root=root, out=copied / "other")
    with pytest.raises(InputError) as caught:
        ready(asked, with_plan=True)
    assert (caught.value.code, caught.value.what) == ("STUDY_PICTURES", expected)
    assert str(copied) not in caught.value.line
    assert not asked.out.exists()


def test_what_the_models_are_shown_may_not_be_set(done: Done) -> None:
    with pytest.raises(UsageError, match=r"data\.pictures"):
        command(done.folder, "--set", " data.pictures =blank", "--dry-run", out="new")
    with pytest.raises(UsageError, match="FIELD=VALUE"):
        command(done.folder, "--set", "optimization.seed", "--dry-run", out="new")


@pytest.mark.parametrize("how", ["bytes", "path"])
def test_a_leak_is_refused_with_counts(copied: Path, how: str) -> None:
    asked = asked_of(copied)
    if how == "bytes":
        for n in (2, 7):
            shutil.copyfile(copied / "root" / f"case-00{n}.png", copied / "test" / f"t{n}.png")
        expected = "2 of the benchmark's 10 pictures are trained on (2 as files with the same bytes)"
    else:
        for n in range(QUESTIONS):
            shutil.copyfile(copied / "test" / f"t{n}.png", copied / "root" / f"t{n}.png")
        with (copied / "instructions.jsonl").open("a") as file:
            row = json.loads((copied / "instructions.jsonl").read_text().splitlines()[0])
            file.write(json.dumps(row | {"images": ["./t4.png"], "meta": {}}) + "\n")
        asked = asked_of(copied, benchmark_root=copied / "root", out=copied / "other")
        expected = "1 of the benchmark's 10 pictures are trained on"
    with pytest.raises(InputError) as caught:
        ready(asked)
    assert caught.value.code == "STUDY_LEAKS"
    assert caught.value.what.startswith(expected)
    assert str(copied) not in caught.value.line
    assert not (copied / "other").exists()


@pytest.mark.parametrize(
    ("changes", "code", "word"),
    [
        ({"form": PromptForm.FULL}, "STUDY_EXISTS", "form"),
        ({"max_tokens": 99}, "STUDY_EXISTS", "max_tokens"),
        ({"out": "root"}, "OUT_TAKEN", "something else"),
    ],
)
def test_another_study_is_not_gone_on_with(done: Done, changes: dict[str, Any], code: str, word: str) -> None:
    if "out" in changes:
        changes = {"out": done.folder / changes["out"]}
    with pytest.raises(InputError) as caught:
        ready(asked_of(done.folder, **changes))
    assert (caught.value.code, word in caught.value.what) == (code, True)


def test_one_picture_and_open_questions_are_refused(done: Done, tmp_path: Path) -> None:
    store.save(tmp_path / "one.jsonl", done.items[:1], ClosedItem)
    with pytest.raises(UsageError, match="one picture"):
        ready(asked_of(done.folder, benchmark=tmp_path / "one.jsonl", out=tmp_path / "x"))
    (tmp_path / "open.jsonl").write_text('{"reference_answer": "x"}\n')
    with pytest.raises(InputError, match="closed"):
        ready(asked_of(done.folder, benchmark=tmp_path / "open.jsonl", out=tmp_path / "x"))


# --- the command ---


def test_a_dry_run_writes_nothing(done: Done, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(done.folder, "--dry-run", "--json", "--seeds", "2", out="new") == 0
    document = json.loads(capsys.readouterr().out)
    assert not (done.folder / "new").exists()
    assert document["plan"]["steps"] == 3
    assert document["seeds"] == [SEED, SEED + 1]
    assert len(document["left"]) == 2 * 3 + 1 + 2 * 5
    assert document["leaks"] == {"benchmark": 10, "training": 20, "by_path": False, "not_compared": 0}
    weights = sum(file.stat().st_size for file in (done.folder / "models" / "tiny-qwen").glob("*.safetensors"))
    assert document["disk"]["merged_gib"] == pytest.approx(6 * weights / 2**30)
    assert document["disk"]["free_gib"] > 0
    assert document["warning"] is None


def test_fields_of_the_recipe_and_rows_can_be_set(done: Done, capsys: pytest.CaptureFixture[str]) -> None:
    changes = ("--set", "optimization.seed=40", "--set", "optimization.max_steps=2", "--max-rows", "12")
    assert command(done.folder, *changes, "--dry-run", "--json", out="new") == 0
    document = json.loads(capsys.readouterr().out)
    data = document["plan"]["data"]
    assert (document["seeds"], document["plan"]["steps"]) == ([40], 2)
    assert data["train_rows"] + data["held_out_rows"] == 12
    asked = asked_of(done.folder, changes={"optimization.max_steps": "2", "data.max_rows": 12})
    found = asked.found(Pictures.SHUFFLED, 41).recipe
    assert (found.data.pictures, found.data.max_rows, found.optimization.seed) == (Pictures.SHUFFLED, 12, 41)
    with pytest.raises(InputError, match="recipe differ"):
        ready(asked)


def test_the_command_names_runs_and_page(done: Done, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(done.folder) == 0
    printed = capsys.readouterr()
    assert printed.err.splitlines()[-2:] == [
        "nothing was left to do: all trainings and runs were there",
        "wrote study/study.html",
    ]
    assert "n = 10" not in printed.out  # n has its own column
    # Names are folded where the terminal is narrow; the shortest one never is.
    assert any(line.split()[:3] == ["base", "│", "Base"] for line in printed.out.splitlines())
    widened = sum(is_widened(contrast.pair.difference) for contrast in done.found.seeds[0].contrasts)
    assert printed.out.count("*") == (widened + 1 if widened else 0)  # each interval, and the footnote


def test_the_command_prints_the_study(done: Done, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(done.folder, "--json") == 0
    assert json.loads(capsys.readouterr().out) == store.read_json(done.out / "study.json")


def test_nothing_that_is_written_names_the_machine(done: Done) -> None:
    for path in (*done.out.glob("*.json"), *done.out.glob("*.html"), *done.out.glob("predictions/*/run.json")):
        assert "secret-place" not in path.read_text(), path.name
    assert not any("secret-place" in line for line in done.lines)
