"""A benchmark put to served models: faults, schemas, pictures, replays and kills over a real loopback server."""

import base64
import io
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from batch_provider import Provider, provided
from fault_answers import texts_of
from fault_server import FaultServer, started
from model_calls import model_at
from neuroonco import store
from neuroonco.cli import run as run_cli
from neuroonco.control_pictures import deal_pictures
from neuroonco.models.retry import Patience
from neuroonco.predict.ask import QuestionBrief
from neuroonco.predict.records import EvaluationRun, OpenPrediction, PictureMode, Prediction, QuestionKind
from neuroonco.walk.asking import Asking
from neuroonco.walk.models import NamedModel
from neuroonco.walk.predicting import Evaluated, evaluate
from predict_files import SENTINEL, draw, open_questions, picked, questions, saved
from test_walk_asking import elsewhere

IMPATIENT = Patience(attempts=8, attempts_if_empty=2, first_wait_s=0.001, longest_wait_s=0.002, failed_at_first=99)
IMAGES = 6


@pytest.fixture(autouse=True)
def own_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the ledger of the machine."""
    monkeypatch.delenv("NEUROONCO_LEDGER", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return draw(tmp_path / "root", IMAGES)


def evaluated(
    url: str,
    root: Path,
    items: Any,
    *,
    brief: QuestionBrief | None = None,
    picture: PictureMode = PictureMode.TRUE,
    ledger: str = "l.sqlite",
    replay: bool = False,
    seed: int = 5,
    **endpoint: Any,
) -> Evaluated:
    """Put items to a model of a server; the name of the model does not hold the URL."""
    model = model_at(url, **{"base_url": url, "concurrency": 4, **endpoint})
    asking = Asking(ledger=root.parent / ledger, replay=replay, patience=IMPATIENT)
    kind = QuestionKind.CLOSED if hasattr(items[0], "options") else QuestionKind.OPEN
    named = NamedModel(f"x:{model.name}", picture, model)
    place = asking.place(root.parent)
    chosen = brief or QuestionBrief()
    return evaluate(items, kind, named, chosen, asking, place, root=root, seed=seed, benchmark="b.json")


def pictures_of(request: dict[str, Any]) -> list[np.ndarray[Any, Any]]:
    """The pictures in a request, decoded."""
    parts = [part for m in request["messages"] if isinstance(m["content"], list) for part in m["content"]]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1])))) for url in urls]


# --- what is sent ---


@pytest.mark.parametrize("make", [questions, open_questions])
@pytest.mark.parametrize("per_image", [False, True])
def test_no_request_holds_a_path_an_id_or_metadata(
    root: Path, make: Callable[[int], list[Any]], per_image: bool
) -> None:
    server = FaultServer(answer_for=picked, keep=True)
    with elsewhere(server) as url:
        found = evaluated(url, root, make(IMAGES), brief=QuestionBrief(per_image=per_image))
    assert len(server.requests) == (IMAGES if per_image else 2 * IMAGES)
    assert found.about.status == {"ok": 2 * IMAGES}
    for request, headers, path in zip(server.requests, server.headers, server.paths, strict=True):
        sent = json.dumps([request, headers, path])
        assert SENTINEL not in sent
        (url_of_picture,) = [p for p in sent.split('"') if p.startswith("data:image/png;base64,")]
        assert SENTINEL.encode() not in base64.b64decode(url_of_picture.split(",")[1])
        assert len(texts_of(request).split("part")) == (3 if per_image else 2)


def test_each_picture_mode_shows_what_it_says(root: Path) -> None:
    items = questions(IMAGES)
    shown: dict[PictureMode, list[tuple[tuple[int, ...], int]]] = {}
    for mode in PictureMode:
        server = FaultServer(answer_for=picked, keep=True)
        with elsewhere(server) as url:
            about = evaluated(url, root, items, picture=mode, ledger=f"{mode}.sqlite").about
        assert about.picture is mode
        assert ("seed" in about.settings) is (mode is PictureMode.SHUFFLED)
        # One request a question, but those that look alike are asked once.
        shown[mode] = [(p.shape, int(p[0, 0])) for r in server.requests for p in pictures_of(r)]
        assert all(len(pictures_of(r)) == (mode is not PictureMode.NONE) for r in server.requests)
    of_image = {n: ((40 + n, 48), 10 + 10 * n) for n in range(IMAGES)}
    assert Counter(shown[PictureMode.TRUE]) == Counter([*of_image.values()] * 2)
    assert shown[PictureMode.NONE] == []
    assert Counter(shown[PictureMode.BLANK]) == Counter([(shape, 128) for shape, _ in of_image.values()] * 2)
    assert Counter(shown[PictureMode.SHUFFLED]) == Counter(shown[PictureMode.TRUE])
    server = FaultServer(answer_for=lambda r: '{"answer": "' + "ABCDEF"[int(pictures_of(r)[0][0, 0]) // 10 - 1] + '"}')
    with elsewhere(server) as url:
        found = evaluated(url, root, items[::2], picture=PictureMode.SHUFFLED, ledger="which.sqlite")
    deal = {own.image_path: other.image_path for own, other in deal_pictures(items[::2], 5).given.items()}
    for item, prediction in zip(items[::2], found.predictions, strict=True):
        other = int(Path(deal[item.image_path]).stem)
        assert other != int(Path(item.image_path).stem)
        assert prediction.pred == ("ABCDEF"[other] if other < 5 else None)


def test_a_blind_model_needs_no_pictures(root: Path) -> None:
    with elsewhere(FaultServer(answer_for=picked)) as url:
        found = evaluated(url, root / "nowhere", questions(IMAGES), picture=PictureMode.NONE)
    assert found.about.status == {"ok": 2 * IMAGES}


# --- schemas ---


def test_an_endpoint_that_takes_no_schema_is_asked_in_free_text(root: Path) -> None:
    server = FaultServer(answer_for=lambda _: "**Answer:** (C)", keep=True)
    with elsewhere(server) as url:
        found = evaluated(url, root, questions(IMAGES), json_schema="none")
    assert not [r for r in server.requests if "response_format" in r]
    assert {p.pred for p in found.predictions} == {"C"}
    assert found.warnings == ()


def no_schema(request: dict[str, Any]) -> tuple[int, dict[str, str], bytes] | None:
    refused = b'{"error": {"message": "response_format is not supported", "code": "invalid"}}'
    return (400, {}, refused) if "response_format" in request else None


def test_an_endpoint_that_refuses_schemas_is_found_out_by_one_call(root: Path) -> None:
    items = questions(IMAGES)
    made = []
    for number, replay in enumerate((False, False, True)):
        server = FaultServer(answer_for=picked, respond=no_schema, keep=True)
        with elsewhere(server) as url:
            found = evaluated(url, root, items, replay=replay)
        with_schema = [r for r in server.requests if "response_format" in r]
        assert len(with_schema) == (0 if replay else 1)
        assert len(server.requests) - len(with_schema) == (2 * IMAGES if number == 0 else 0)
        assert found.about.status == {"ok": 2 * IMAGES}
        assert found.about.settings["json_schema"] == "refused"
        assert "all questions were asked in free text" in found.warnings[0]
        made.append(found.predictions)
    assert made[0] == made[1] == made[2]


def test_one_refused_schema_is_asked_once_more_without(root: Path) -> None:
    def refuses_part_1(request: dict[str, Any]) -> tuple[int, dict[str, str], bytes] | None:
        return no_schema(request) if "part 1" in texts_of(request) else None

    server = FaultServer(answer_for=picked, respond=refuses_part_1, keep=True)
    with elsewhere(server) as url:
        found = evaluated(url, root, questions(IMAGES))
    assert len(server.requests) == 3 * IMAGES
    assert found.about.status == {"ok": 2 * IMAGES}
    assert found.warnings == (f"the endpoint did not accept the schema of {IMAGES} replies: asked in free text",)


# --- faults ---


@pytest.mark.parametrize("per_image", [False, True])
def test_every_question_has_one_row_in_order_whatever_happens(root: Path, per_image: bool) -> None:
    items = questions(IMAGES, 5)
    items[7] = items[7].model_copy(update={"image_path": f"{SENTINEL}/gone.png"})
    items[9] = items[9].model_copy(update={"image_path": "../secret.png"})
    server = FaultServer(answer_for=picked, faults=0.4, seed=3)
    with elsewhere(server) as url:
        found = evaluated(url, root, items, brief=QuestionBrief(per_image=per_image), timeout_s=5.0)
    assert [(p.id, p.q_index) for p in found.predictions] == [(i.image_id, i.q_index) for i in items]
    status = Counter(p.status.value for p in found.predictions)
    assert found.about.status == dict(sorted(status.items()))
    assert status["missing_image"] == 2
    assert status["ok"] >= len(items) // 2
    for prediction in found.predictions:
        assert (prediction.pred == "B") is (prediction.status.value == "ok")
        assert (prediction.request_hash is None) is (prediction.status.value == "missing_image")
    assert found.predictions[7].error == "FILE_MISSING: no such file"


def test_a_failed_call_is_no_answer_and_is_asked_again(root: Path) -> None:
    items = questions(IMAGES)
    asked = Counter[str]()

    def down(request: dict[str, Any]) -> tuple[int, dict[str, str], bytes] | None:
        asked.update(["part 1" if "part 1" in texts_of(request) else "part 0"])
        error = b'{"error": {"message": "the answer is (e.g. check quota) A", "code": "E"}}'
        return (500, {}, error) if "part 1" in texts_of(request) else None

    with elsewhere(FaultServer(answer_for=picked, respond=down)) as url:
        first = evaluated(url, root, items)
    assert first.about.status == {"api_error": IMAGES, "ok": IMAGES}
    assert first.waiting == IMAGES
    failed = [p for p in first.predictions if p.status.value == "api_error"]
    assert all(p.pred is None and p.raw is None and "check quota" in p.error for p in failed)
    assert asked == {"part 0": IMAGES, "part 1": IMAGES * IMPATIENT.attempts}
    second_server = FaultServer(answer_for=picked, keep=True)
    with elsewhere(second_server) as url:
        second = evaluated(url, root, items)
    assert len(second_server.requests) == IMAGES
    assert (second.about.status, second.waiting) == ({"ok": 2 * IMAGES}, 0)
    assert (second.about.calls, second.about.from_ledger) == (IMAGES, IMAGES)


def test_refusals_and_cut_replies_keep_their_names(root: Path) -> None:
    def odd(request: dict[str, Any]) -> tuple[int, dict[str, str], bytes] | None:
        cut = "part 1" in texts_of(request)
        message = {"content": '{"answer": "A"' if cut else None, "refusal": None if cut else "I cannot: A"}
        choice = {"message": message, "finish_reason": "length" if cut else "stop"}
        return 200, {}, json.dumps({"choices": [choice]}).encode()

    with elsewhere(FaultServer(respond=odd)) as url:
        found = evaluated(url, root, questions(IMAGES))
    assert found.about.status == {"refused": IMAGES, "unparsed": IMAGES}
    assert {p.raw for p in found.predictions} == {"I cannot: A", '{"answer": "A"'}


# --- the command: files, replay, kill ---


def command(benchmark: Path, root: Path, out: Path, model: str, *more: str) -> list[str]:
    return ["predict", str(benchmark), "--root", str(root), "--model", model, "--out", str(out), *more]


@pytest.mark.parametrize("make", [questions, open_questions])
def test_a_folder_is_a_whole_run_and_a_replay_writes_the_same_bytes(
    root: Path, tmp_path: Path, make: Callable[[int], list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    items = make(IMAGES)
    benchmark, out = saved(tmp_path / "bench.jsonl", items), tmp_path / "run"
    (tmp_path / "mine.toml").write_text(
        '[mine]\ndescription = "t"\nsource = "t"\nbase_url = "URL"\njson_schema = "strict"\nkey_required = false\n'
    )
    (tmp_path / "prices.toml").write_text('["mine:*"]\ninput = 10.0\noutput = 100.0\n')
    endpoints, prices = ("--endpoints", str(tmp_path / "mine.toml")), ("--prices", str(tmp_path / "prices.toml"))
    with elsewhere(FaultServer(answer_for=picked)) as url:
        (tmp_path / "mine.toml").write_text((tmp_path / "mine.toml").read_text().replace("URL", url))
        assert run_cli(command(benchmark, root, out, "blank:mine:m", *endpoints, *prices, "--json")) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["status"] == {"ok": 2 * IMAGES}
    assert (said["calls"], said["input_tokens"], said["output_tokens"]) == (2 * IMAGES, 1200, 240)
    assert said["cost_usd"] == pytest.approx(1200 * 10e-6 + 240 * 100e-6)
    assert sorted(p.name for p in out.iterdir()) == [
        *("benchmark.parquet", "ledger.sqlite", "predictions.jsonl", "run.json"),
    ]
    about = EvaluationRun.model_validate(store.read_json(out / "run.json"))
    assert (about.model, about.picture, about.benchmark) == ("blank:mine:m", PictureMode.BLANK, "bench.jsonl")
    assert about.cost_usd == pytest.approx(said["cost_usd"])
    assert str(tmp_path) not in (out / "run.json").read_text()
    kept = store.load_strict(out / "benchmark.parquet", type(items[0]))
    assert kept == items
    before = {name: (out / name).read_bytes() for name in ("predictions.jsonl", "benchmark.parquet")}
    again = tmp_path / "again"
    ledger = ("--ledger", str(out / "ledger.sqlite"), "--replay")
    assert run_cli(command(benchmark, root, again, "blank:mine:m", *endpoints, *ledger)) == 0
    assert {name: (again / name).read_bytes() for name in before} == before
    kind = Prediction if make is questions else OpenPrediction
    assert {p.model for p in store.load_strict(again / "predictions.jsonl", kind)} == {"blank:mine:m"}


def test_batches_are_submitted_then_collected(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def result(line: dict[str, Any]) -> dict[str, Any]:
        choice = {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": picked(line["body"])},
        }
        body = {"id": "x", "object": "chat.completion", "model": "served", "choices": [choice]}
        return {"custom_id": line["custom_id"], "response": {"status_code": 200, "body": body}, "error": None}

    monkeypatch.setenv("OPENAI_API_KEY", "none")
    benchmark, out, provider = saved(tmp_path / "b.parquet", questions(3)), tmp_path / "run", Provider(result=result)
    with provided(provider) as url:
        words = command(benchmark, root, out, f"openai:m@{url}", "--batch")
        assert run_cli(words) == 6
        assert "error[BATCH_PENDING]: 6 calls wait in batches" in capsys.readouterr().err
        assert not (out / "predictions.jsonl").exists()
        assert run_cli(words) == 0
    assert len(provider.submitted()) == 6
    about = store.read_json(out / "run.json")
    assert (about["status"], about["calls"]) == ({"ok": 6}, 6)


def test_a_run_that_is_left_incomplete_says_so_and_ends_with_5(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def down(request: dict[str, Any]) -> tuple[int, dict[str, str], bytes] | None:
        return (422, {}, b'{"error": {"message": "no"}}') if "part 1" in texts_of(request) else None

    benchmark, out = saved(tmp_path / "b.parquet", questions(3)), tmp_path / "p.jsonl"
    with elsewhere(FaultServer(answer_for=picked, respond=down)) as url:
        assert run_cli(command(benchmark, root, out, f"vllm:m@{url}")) == 5
    err = capsys.readouterr().err
    assert "3 questions wait for a call that failed; the same command asks these again" in err
    assert len(store.load_strict(out, Prediction)) == 6
    assert store.read_json(tmp_path / "p.jsonl.run.json")["status"] == {"api_error": 3, "ok": 3}
    with elsewhere(FaultServer(answer_for=picked)) as url:
        assert run_cli(command(benchmark, root, out, f"vllm:m@{url}")) == 0
    assert store.read_json(tmp_path / "p.jsonl.run.json")["status"] == {"ok": 6}


def test_per_image_says_that_siblings_can_leak(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    benchmark, out = saved(tmp_path / "b.parquet", questions(3)), tmp_path / "run"
    with elsewhere(FaultServer(answer_for=picked)) as url:
        assert run_cli(command(benchmark, root, out, f"vllm:m@{url}", "--per-image", "--json")) == 0
    printed = capsys.readouterr()
    assert printed.err.count("sibling questions can leak") == 1
    assert "sibling questions can leak" in json.loads(printed.out)["warnings"][0]
    about = store.read_json(out / "run.json")
    assert about["per_image"] is True
    assert "sibling questions can leak" in about["settings"]["per_image"]


def test_a_killed_run_goes_on_and_asks_only_what_is_missing(root: Path, tmp_path: Path) -> None:
    items = questions(IMAGES, 8)
    benchmark, out, log, concurrency = saved(tmp_path / "b.jsonl", items), tmp_path / "run", tmp_path / "log", 4
    server = ("--answers", "predict_files:picked", "--latency", "0.03", "--log", str(log))
    with started(*server) as url:
        words = command(benchmark, root, out, f"vllm:x@{url}", "--concurrency", str(concurrency))
        argv = [sys.executable, "-m", "neuroonco", *words]
        with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as process:
            while not log.exists() or log.read_text().count('"finished"') < 11:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.01)
                    raise AssertionError("it ended before it was killed")
            process.send_signal(signal.SIGKILL)
        assert not (out / "run.json").exists()
        last = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert last.returncode == 0, last.stderr
    predictions = store.load_strict(out / "predictions.jsonl", Prediction)
    assert [(p.id, p.q_index, p.pred) for p in predictions] == [(i.image_id, i.q_index, "B") for i in items]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    asked = Counter(line["request"] for line in lines if line["event"] == "received")
    assert len(asked) == len(items)
    assert sum(n - 1 for n in asked.values()) <= concurrency
    about = store.read_json(out / "run.json")
    assert about["from_ledger"] >= 11 - concurrency
    assert about["calls"] + about["from_ledger"] == len(items)
    assert not list(out.glob(".*.tmp"))
