"""The form of instruction data: a tuned model is asked the very text that it was trained on."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tiny_qwen
from neuroonco import store
from neuroonco.build.instruct.assemble import options_text
from neuroonco.build.instruct.chat import IMAGE_TOKEN, messages
from neuroonco.build.instruct.records import CLOSED, OPEN, InstructionPair
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.cli import run as run_cli
from neuroonco.errors import UsageError
from neuroonco.models.records import ModelAnswer
from neuroonco.predict.ask import QuestionBrief
from neuroonco.predict.ask_closed import ClosedQuestions
from neuroonco.predict.ask_open import OpenQuestions
from neuroonco.predict.records import EvaluationRun, PromptForm, QuestionKind, Scoring
from neuroonco.predict.same_run import difference
from neuroonco.prompts import prompt
from neuroonco.vocabulary import CallStatus, PredictionStatus, QuestionType
from neuroonco.walk.comparison_page import Asked, gather_closed
from neuroonco.walk.models import NamedModel
from neuroonco.walk.predicting import require_possible, settings_of
from predict_files import draw, open_questions, questions, saved

IMAGE = "0" * 64
BRIEF = QuestionBrief(form=PromptForm.INSTRUCTION)
LIKELY = QuestionBrief(form=PromptForm.INSTRUCTION, scoring=Scoring.LIKELIHOOD)


def user_text(item: ClosedItem | OpenItem) -> str:
    """The user's text of the pair that instruction data would have of an item, without the line of the image."""
    pair = InstructionPair(
        pair_id="p",
        pair_index=0,
        slice_id=item.slice_id,
        image_path=item.image_path,
        file_kind=CLOSED if isinstance(item, ClosedItem) else OPEN,
        question_type=QuestionType.DIAGNOSIS,
        subtype="options",
        question=item.question + (options_text(item, CLOSED) if isinstance(item, ClosedItem) else ""),
        answer="A",
        source_id="01",
    )
    content = messages(pair)[0]["content"]
    head, _, text = content.partition("\n")
    assert head == IMAGE_TOKEN
    return text


@pytest.mark.parametrize("brief", [BRIEF, LIKELY])
def test_a_closed_question_is_asked_in_the_words_of_instruction_data(brief: QuestionBrief) -> None:
    for item in questions(3):
        call = ClosedQuestions(brief).call([item], IMAGE)
        (turn,) = call.turns
        assert (turn.role, turn.text) == ("user", user_text(item))
        assert call.schema_ is None
        assert call.prompt_sha256 == prompt("predict_closed_instruction").sha256
    letters = ("scoring=likelihood", "letters=A,B,C,D,E")
    assert call.settings == (letters if brief is LIKELY else ())


def test_an_open_question_is_asked_alone() -> None:
    (item,) = open_questions(1, 1)
    call = OpenQuestions(BRIEF).call([item], IMAGE)
    assert [(turn.role, turn.text) for turn in call.turns] == [("user", user_text(item))]
    assert call.schema_ is None


def test_a_bare_letter_is_read_and_an_order_is_undone() -> None:
    (item,) = questions(1, 1)
    permuted = ClosedQuestions(QuestionBrief(form=PromptForm.INSTRUCTION, permute_seed=1))
    answer = ModelAnswer(request_hash="0", model="m", status=CallStatus.OK, text="B")
    (plain,) = ClosedQuestions(BRIEF).predictions([item], answer, "m")
    (moved,) = permuted.predictions([item], answer, "m")
    assert plain.pred == "B"
    assert moved.shown_order is not None
    assert moved.pred == moved.shown_order[1]
    assert ClosedQuestions(BRIEF).predictions([item], answer.model_copy(update={"text": "hm"}), "m")[0].status is (
        PredictionStatus.UNPARSED
    )


@pytest.mark.parametrize("other", [{"per_image": True}, {"asks_confidence": True}])
def test_what_instruction_data_never_ask_is_refused(other: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        require_possible(QuestionKind.CLOSED, NamedModel("m"), QuestionBrief(form=PromptForm.INSTRUCTION, **other))
    assert caught.value.code == "FORM"


def test_the_form_tells_runs_apart_and_old_runs_have_the_full_one() -> None:
    run = EvaluationRun(model="a", kind=QuestionKind.CLOSED, benchmark="b", benchmark_sha256="0", version="1")
    old = EvaluationRun.model_validate(run.model_dump(mode="json", exclude={"form"}))
    assert old == run
    assert difference(run, run.model_copy(update={"form": PromptForm.INSTRUCTION})) == "form full, not instruction"
    assert "form" not in settings_of(NamedModel("random"), QuestionBrief(), seed=1)


# --- the command ---


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    torch = pytest.importorskip("torch", reason="torch is not installed (make test installs it where it can)")
    pytest.importorskip("transformers", reason="transformers is not installed")
    pytest.importorskip("accelerate", reason="accelerate is not installed")
    monkeypatch.delenv("NEUROONCO_LEDGER", raising=False)
    monkeypatch.chdir(tmp_path)
    tiny_qwen.make(tmp_path / "tiny-qwen", ends=False)
    draw(tmp_path / "root", 2)
    saved(tmp_path / "closed.parquet", questions(2))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tmp_path
    torch.set_num_threads(before)


def predict(out: str, *options: str, model: str = "local:tiny-qwen") -> int:
    said = ["--root", "root", "--model", model, "--max-tokens", "64"]
    local = ["--device", "cpu"] if model.startswith("local") else []
    return run_cli(["predict", "closed.parquet", *said, *local, "--out", out, *options])


def test_predict_asks_in_either_form_and_comparisons_say_so(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert predict("full") == 0
    assert predict("tuned", "--form", "instruction") == 0
    assert predict("likely", "--form", "instruction", "--scoring", "likelihood") == 0
    about = EvaluationRun.model_validate(store.read_json(Path("tuned/run.json")))
    assert (about.form, about.settings["form"], about.calls) == (PromptForm.INSTRUCTION, "instruction", 4)
    assert list(about.prompts) == ["predict_closed_instruction"]
    likely = [json.loads(line) for line in Path("likely/predictions.jsonl").read_text().splitlines()]
    assert [len(row["logprobs"]) for row in likely] == [5] * 4
    page = gather_closed(Asked(places=(Path("full"), Path("tuned")), errors=0, resamples=50))
    assert "the models were not all asked with the same prompts" in page.warnings
    assert len(page.models) == 2  # not one model with other orders
    full, tuned = page.models
    assert (full.name, tuned.name) == (full.name, f"{full.name} (instruction form)")
    assert "asked in the words of instruction data" in tuned.asked
    assert "asked in the words of instruction data" not in full.asked
    capsys.readouterr()
    assert predict("tuned") == 3
    assert "form instruction, not full" in capsys.readouterr().err
    assert predict("built-in", "--form", "instruction", model="random") == 2
