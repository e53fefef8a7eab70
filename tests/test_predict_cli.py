"""The command predict: what goes together, what does not, and what it writes for models without a network."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from neuroonco import store
from neuroonco.cli import run as run_cli
from neuroonco.cli.predict_progress import spent
from neuroonco.errors import InputError
from neuroonco.models.prices import load_prices
from neuroonco.models.recorded import CallCounts
from neuroonco.models.records import ModelAnswer, ModelCall
from neuroonco.predict.records import EvaluationRun, Prediction, QuestionKind, Scoring
from neuroonco.predict.run_files import benchmark_hash, kind_of_benchmark, read_closed_run
from neuroonco.vocabulary import CallStatus
from neuroonco.walk.asking import Asking
from predict_files import draw, open_questions, questions, saved

SHUFFLED_MODEL = "shuffled:vllm:m"


@pytest.fixture(autouse=True)
def own_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the ledger of the machine."""
    monkeypatch.delenv("NEUROONCO_LEDGER", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    draw(tmp_path / "root", 3)
    saved(tmp_path / "closed.jsonl", questions(3))
    saved(tmp_path / "open.parquet", open_questions(3))
    saved(tmp_path / "one.jsonl", questions(1))
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "other.json").write_text('[{"a": 1}]')
    (tmp_path / "prices.toml").write_text('["vllm:*"]\ninput = -1\noutput = 1\n')
    (tmp_path / "folder.jsonl").mkdir()


def predict(*words: str) -> int:
    return run_cli(["predict", *words])


@pytest.mark.parametrize(
    ("benchmark", "model", "more", "code", "name"),
    [
        ("closed.jsonl", "gpt", (), 2, "MODEL_UNKNOWN"),
        ("closed.jsonl", "blind:random", (), 2, "MODEL_UNKNOWN"),
        ("closed.jsonl", "blind:blank:vllm:m", (), 2, "PROVIDER_UNKNOWN"),
        ("closed.jsonl", "local:", (), 2, "MODEL_UNKNOWN"),
        ("closed.jsonl", "nobody:m", (), 2, "PROVIDER_UNKNOWN"),
        ("closed.jsonl", "openai:m", (), 4, "KEY_MISSING"),
        ("closed.jsonl", "vllm:m", ("--max-cost", "1"), 2, "PRICE_UNKNOWN"),
        ("closed.jsonl", "vllm:m", ("--prices", "prices.toml"), 3, "PRICES_INVALID"),
        ("closed.jsonl", "vllm:m", ("--prices", "none.toml"), 3, "FILE_MISSING"),
        ("closed.jsonl", "vllm:m", ("--scoring", "likelihood"), 2, "LIKELIHOOD"),
        ("closed.jsonl", "vllm:m", ("--confidence", "--per-image"), 2, "CONFIDENCE"),
        ("closed.jsonl", "vllm:m", ("--device", "cpu"), 2, "LOCAL_ONLY"),
        ("closed.jsonl", "vllm:m", ("--replay",), 3, "LEDGER_MISSING"),
        ("closed.jsonl", "vllm:m", ("--batch",), 2, "BATCH_UNSUPPORTED"),
        ("open.parquet", "random", (), 2, "CLOSED_ONLY"),
        ("open.parquet", "vllm:m", ("--permute", "1"), 2, "CLOSED_ONLY"),
        ("open.parquet", "vllm:m", ("--confidence",), 2, "CLOSED_ONLY"),
        ("closed.jsonl", "random", ("--permute", "1", "--prices", "prices.toml"), 2, "MODEL_NEEDED"),
        ("closed.jsonl", "random", ("--per-image",), 2, "MODEL_NEEDED"),
        ("one.jsonl", SHUFFLED_MODEL, (), 3, "SHUFFLE_IMPOSSIBLE"),
        ("list.json", "random", (), 3, "BENCHMARK_EMPTY"),
        ("other.json", "random", (), 3, "BENCHMARK_UNKNOWN"),
        ("none.json", "random", (), 3, "FILE_MISSING"),
    ],
)
def test_what_cannot_work_is_one_line_and_leaves_no_predictions(
    capsys: pytest.CaptureFixture[str], benchmark: str, model: str, more: tuple[str, ...], code: int, name: str
) -> None:
    assert predict(benchmark, "--root", "root", "--model", model, "--out", "run", *more) == code
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if line.startswith(f"error[{name}]")], lines
    assert len([line for line in lines if line.startswith("error")]) == 1
    assert not Path("run/predictions.jsonl").exists()
    assert not Path("run/run.json").exists()


@pytest.mark.parametrize(
    ("out", "name"),
    [
        ("p.json", "FORMAT_UNKNOWN"),
        ("p.csv", "FORMAT_UNKNOWN"),
        ("closed.jsonl/run", "CANNOT_WRITE"),
        ("folder.jsonl", "CANNOT_WRITE"),
    ],
)
def test_a_place_that_cannot_be_written_is_known_before_anybody_is_asked(
    capsys: pytest.CaptureFixture[str], out: str, name: str
) -> None:
    assert predict("closed.jsonl", "--root", "root", "--model", "openai:m", "--out", out) == 3
    assert f"error[{name}]" in capsys.readouterr().err


def test_the_run_of_a_profile_is_not_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    Path("demo").mkdir()
    Path("demo/run.json").write_text('{"name": "demo", "seed": 1}')
    for model in ("random", "openai:m"):
        assert predict("closed.jsonl", "--root", "root", "--model", model, "--out", "demo") == 3
        assert "error[CANNOT_WRITE]" in capsys.readouterr().err
    assert Path("demo/run.json").read_text() == '{"name": "demo", "seed": 1}'


@pytest.mark.parametrize("model", ["random", "majority", "always-e", "measuring"])
def test_a_baseline_fills_a_folder_too(capsys: pytest.CaptureFixture[str], model: str) -> None:
    assert predict("closed.jsonl", "--root", "root", "--model", model, "--out", "run", "--seed", "7", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["n"], sum(said["status"].values()), said["waiting"]) == (6, 6, 0)
    assert sorted(path.name for path in Path("run").iterdir()) == ["benchmark.parquet", "predictions.jsonl", "run.json"]
    run = read_closed_run(Path("run"))
    assert run.items == questions(3)
    assert run.about is not None
    assert run.about.model == said["model"] == run.predictions[0].model
    assert run.about.benchmark_sha256 == benchmark_hash(run.items)
    assert run.about.settings == ({"seed": "7"} if model == "random" else {})
    assert run.about.prompts == {}


def test_a_file_of_predictions_has_its_run_beside_it() -> None:
    assert predict("closed.jsonl", "--root", "root", "--model", "random", "--out", "a/p.parquet") == 0
    assert sorted(path.name for path in Path("a").iterdir()) == ["p.parquet", "p.parquet.run.json"]
    about = EvaluationRun.model_validate(store.read_json(Path("a/p.parquet.run.json")))
    assert (about.benchmark, about.kind, about.status) == ("closed.jsonl", QuestionKind.CLOSED, {"ok": 6})
    assert len(store.load_strict(Path("a/p.parquet"), Prediction)) == 6


def test_pictures_of_another_extension_are_counted_and_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    items = [item.model_copy(update={"image_path": item.image_path.replace(".png", ".jpg")}) for item in questions(3)]
    saved(Path("renamed.jsonl"), items)
    assert predict("renamed.jsonl", "--root", "root", "--model", "measuring", "--out", "p.jsonl") == 0
    assert capsys.readouterr().err.count("3 pictures have another extension than the benchmark says, e.g. ") == 1
    assert "missing_image" not in store.read_json(Path("p.jsonl.run.json"))["status"]


def test_a_wrong_root_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    Path("elsewhere").mkdir()
    for model in ("measuring", "vllm:m"):
        out = f"{model.partition(':')[0]}.jsonl"
        assert predict("closed.jsonl", "--root", "elsewhere", "--model", model, "--out", out) == 1
        assert "no picture could be read; is the root right?" in capsys.readouterr().err
        assert {p.status.value for p in store.load_strict(Path(out), Prediction)} == {"missing_image"}


def test_questions_that_no_letter_can_answer_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    first = questions(1)[0]
    for options in ((), (first.options[0], first.options[0])):
        saved(Path("bad.jsonl"), [first.model_copy(update={"options": options})])
        for model in ("random", "vllm:m"):
            assert predict("bad.jsonl", "--root", "root", "--model", model, "--out", "p.jsonl") == 3
            assert "error[OPTIONS_INVALID]" in capsys.readouterr().err


class FakeLocal:
    """Stands for the client of a local model: the letters' probabilities fall by what is shown, later ones likelier."""

    name, at_once, ways = "local:tiny@0123456789ab", 6, ("dtype=float32",)
    made: ClassVar[list[dict[str, Any]]] = []
    calls: ClassVar[list[ModelCall]] = []

    def __init__(self, place: str, **options: Any) -> None:
        self.made.append({"place": place} | options)

    def as_asked(self, call: ModelCall) -> ModelCall:
        settings = (*(said for said in call.settings if said not in self.ways), *self.ways)
        return call.model_copy(update={"schema_": None, "settings": settings})

    async def ask(self, call: ModelCall, image: bytes | None) -> ModelAnswer:  # noqa: ARG002
        self.calls.append(call)
        said = dict(setting.split("=", 1) for setting in call.settings)
        letters = said["letters"].split(",") if "letters" in said else []
        text = json.dumps({letter: number - 9.5 for number, letter in enumerate(letters)}) if letters else "Final: D"
        digest = call.request_hash(self.name)
        return ModelAnswer(request_hash=digest, model=self.name, status=CallStatus.OK, text=text)

    async def aclose(self) -> None:
        return None


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> type[FakeLocal]:
    monkeypatch.setitem(sys.modules, "neuroonco.models.local", SimpleNamespace(LocalClient=FakeLocal))
    FakeLocal.made, FakeLocal.calls = [], []
    return FakeLocal


def test_letter_probabilities_of_a_local_model_lead_back_to_the_benchmark(local: type[FakeLocal]) -> None:
    likely = ("--scoring", "likelihood", "--permute", "3")
    words = ("closed.jsonl", "--root", "root", "--model", "blank:local:some/model", "--out", "run", *likely)
    assert predict(*words, "--batch-size", "2", "--device", "cpu") == 0
    assert local.made == [{"place": "some/model", "batch_size": 2, "device": "cpu", "dtype": "auto"}]
    assert len(local.calls) == 6
    assert all(call.settings[:1] == ("scoring=likelihood",) and call.schema_ is None for call in local.calls)
    run = read_closed_run(Path("run"))
    assert run.about is not None
    assert (run.about.scoring, run.about.permute_seed) == (Scoring.LIKELIHOOD, 3)
    assert (run.about.model, run.about.settings) == ("blank:local:tiny@0123456789ab", {"dtype": "float32"})
    for item, found in zip(run.items, run.predictions, strict=True):
        assert found.logprobs is not None
        assert found.shown_order == "".join(one.letter for one in found.logprobs)
        assert [one.logprob for one in found.logprobs] == [-9.5, -8.5, -7.5, -6.5, -5.5]
        assert found.pred == found.shown_order[-1] == item.none_letter
    assert predict(*words) == 0
    assert len(local.calls) == 6, "the ledger holds them"


def test_a_local_model_writes_free_text(local: type[FakeLocal]) -> None:
    assert predict("closed.jsonl", "--root", "root", "--model", "local:some/model", "--out", "run") == 0
    assert {p.pred for p in read_closed_run(Path("run")).predictions} == {"D"}
    assert {call.settings for call in local.calls} == {("dtype=float32",)}


@pytest.mark.parametrize(
    ("more", "name"),
    [
        (("--scoring", "likelihood", "--per-image"), "LIKELIHOOD"),
        (("--scoring", "likelihood", "--confidence"), "LIKELIHOOD"),
        (("--batch",), "SERVED_ONLY"),
        (("--max-cost", "1"), "SERVED_ONLY"),
    ],
)
def test_what_a_local_model_cannot(
    local: type[FakeLocal], capsys: pytest.CaptureFixture[str], more: tuple[str, ...], name: str
) -> None:
    assert predict("closed.jsonl", "--root", "root", "--model", "local:m", "--out", "run", *more) == 2
    assert f"error[{name}]" in capsys.readouterr().err
    assert local.calls == []


def test_local_models_say_what_they_lack(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "neuroonco.models.local", None)
    words = ("closed.jsonl", "--root", "root", "--model", "blind:local:some/model", "--out", "run")
    assert predict(*words) == 4
    err = capsys.readouterr().err
    assert err.startswith("error[EXTRA_MISSING]")
    assert "pip install 'neuroonco[train]'" in err


# --- what a benchmark is, prices, progress ---


def test_the_kind_of_a_benchmark_is_seen_behind_a_broken_row() -> None:
    text = Path("closed.jsonl").read_text()
    Path("torn.jsonl").write_text('{"image_id": "1", \n' + text)
    assert kind_of_benchmark(Path("torn.jsonl")) is QuestionKind.CLOSED
    assert kind_of_benchmark(Path("open.parquet")) is QuestionKind.OPEN


def test_prices_are_by_the_first_pattern_that_fits(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text('["vllm:a*"]\ninput = 1\noutput = 2\n["vllm:*"]\ninput = 3\noutput = 4\n')
    prices = load_prices(path)
    assert [p and p.input for p in map(prices.of, ("vllm:ab", "vllm:b", "openai:a"))] == [1.0, 3.0, None]
    asked = Asking(prices=path)
    assert asked.resolved("vllm:a").endpoint.price_usd_per_million == prices.of("vllm:a")
    assert asked.resolved("openai:a").endpoint.price_usd_per_million is None
    for text in ("a = 1", "[a]\ninput = 1", "[a]\ninput = 1\noutput = 1\nmore = 1", "[a", '[a]\ninput = "x"\noutput=1'):
        path.write_text(text)
        with pytest.raises(InputError, match="PRICES_INVALID") as caught:
            load_prices(path)
        assert "\n" not in caught.value.line


def test_the_progress_line_tells_tokens_and_cost() -> None:
    asking = Asking()
    assert spent(asking) == ""
    asking.counts = counts = CallCounts()
    assert spent(asking) == ""
    answer = ModelAnswer(request_hash="0", model="m", status=CallStatus.OK, input_tokens=90, output_tokens=10)
    counts.add(answer)
    assert spent(asking) == "100 tokens, cost unknown"
    counts.add(answer.model_copy(update={"cost_usd": 0.25}))
    assert spent(asking) == "200 tokens, 0.2500 USD"


def test_another_run_is_not_replaced_unless_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    closed = ("closed.jsonl", "--root", "root", "--out", "run")
    assert predict(*closed, "--model", "random", "--seed", "7") == 0
    kept = Path("run/predictions.jsonl").read_bytes()
    others = [
        (*closed, "--model", "random", "--seed", "8"),
        (*closed, "--model", "majority"),
        ("one.jsonl", "--root", "root", "--out", "run", "--model", "random", "--seed", "7"),
        (*closed, "--model", "vllm:m"),
    ]
    for other in others:
        capsys.readouterr()
        assert predict(*other) == 3
        assert "error[RUN_EXISTS]" in capsys.readouterr().err
        assert Path("run/predictions.jsonl").read_bytes() == kept
    assert predict(*closed, "--model", "random", "--seed", "7") == 0  # the same run again
    assert Path("run/predictions.jsonl").read_bytes() == kept
    assert predict(*closed, "--model", "majority", "--overwrite") == 0
    assert Path("run/predictions.jsonl").read_bytes() != kept


def test_who_sees_no_picture_needs_no_root(capsys: pytest.CaptureFixture[str]) -> None:
    for model in ("random", "majority", "always-e"):
        assert predict("closed.jsonl", "--model", model, "--out", f"{model}.jsonl") == 0
    capsys.readouterr()
    for model in ("measuring", "vllm:m", "shuffled:vllm:m"):
        assert predict("closed.jsonl", "--model", model, "--out", "p.jsonl") == 2
        assert "error[ROOT_NEEDED]" in capsys.readouterr().err
