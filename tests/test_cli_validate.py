"""The command `validate`: one line for every failure, tables and JSON on stdout."""

import json
from pathlib import Path

import pytest

from factories_validation import reading_of, truth_of
from fault_server import started
from neuroonco import store
from neuroonco.cli import run
from neuroonco.phantoms.records import PhantomTruth
from neuroonco.readings.records import LesionReading, Signs
from neuroonco.vocabulary import Shape, TumorType


def call(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = run(["validate", *(str(a) for a in arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Four phantoms, read by two readers of which one errs on half and the other on the same half and one more."""
    truths = [truth_of(i, signs=Signs(shape=Shape.ROUND)) for i in range(3)]
    truths.append(truth_of(3, tumor_type=TumorType.HEALTHY))
    store.save(tmp_path / "truth.jsonl", truths, PhantomTruth)
    right, wrong = Signs(shape=Shape.ROUND), Signs(shape=Shape.IRREGULAR)
    for name, said in {"a": (right, right, wrong), "b": (right, wrong, wrong)}.items():
        readings = [reading_of(i, signs, image_path=f"{i}.png") for i, signs in enumerate(said)]
        store.save(tmp_path / f"{name}.jsonl", readings, LesionReading)
    return tmp_path


def test_readings_from_files(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--readings", files / "a.jsonl", files / "b.jsonl", "--truth", files / "truth.jsonl")
    code, out, err = call(capsys, *given, "--out", files / "out", "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    labels = document["summary"]["readings_from_files"]["labels"]
    assert labels["conservative"]["precision"]["value"] == pytest.approx(2 / 3)
    assert labels["fused"]["precision"] | {"low": 0, "high": 0} == {"value": 0.5, "low": 0, "high": 0, "n": 2}
    assert labels["fused"]["exact"]["n"] == 2
    assert labels["fused"]["omission"]["value"] == pytest.approx(1 / 3)
    correlation = document["summary"]["readings_from_files"]["error_correlation"]
    assert correlation["value"] == pytest.approx((1 * 1 - 0 * 1) / (1 * 2 * 2 * 1) ** 0.5)
    assert Path(document["page"]).is_file()
    assert Path(document["document"]).is_file()


def test_tables_for_a_person(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--readings", files / "a.jsonl", files / "b.jsonl", "--truth", files / "truth.jsonl")
    code, out, _ = call(capsys, *given, "--out", files / "out")
    assert code == 0
    assert "phantom, not clinical" in out.splitlines()[0]
    for part in ("0.667 / 0.000", "0.500 / 0.333", "error correlation: 0.50", "4 phantoms, 1 of them healthy"):
        assert part in out
    assert "at the omission of fused, 0.333: A 0.667, gain none: cannot be cut to it; B" in out
    assert "all, exact" in out
    assert "Published model pipeline: precision 0.897, omission 0.1765" in out


@pytest.mark.parametrize(
    ("arguments", "code", "name"),
    [
        (("--seed", "1", "--style", "tuned", "--number", "4"), 2, "FIT_SEED"),
        (("--readings", "a.jsonl", "b.jsonl"), 2, "TRUTH_NEEDED"),
        (("--readings", "a.jsonl", "b.jsonl", "--truth", "t.jsonl"), 3, "FILE_MISSING"),
        (("--real", "nowhere"), 2, "SOURCE_NEEDED"),
        (("--real", "nowhere", "--source", "07"), 3, "ROOT_MISSING"),
        (("--real", ".", "--source", "nobody"), 2, "SOURCE_UNKNOWN"),
        (("--real", ".", "--source", "07", "--phantoms", "."), 2, "WAYS"),
        (("--phantoms", "nowhere"), 3, "ROOT_MISSING"),
        (("--phantoms", "."), 3, "TRUTH_MISSING"),
        (("nowhere",), 3, "TRUTH_MISSING"),
        (("--style", "other"), 2, "USAGE"),
        (("--number", "0"), 2, "USAGE"),
        (("--rules", "none"), 2, "RULES_UNKNOWN"),
        (("--reader", "nobody:x", "--number", "4"), 2, ""),
    ],
)
def test_one_line_for_every_failure(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    name: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    found, out, err = call(capsys, *arguments, "--out", tmp_path / "out")
    assert (found, out) == (code, "")
    assert err.startswith(f"error[{name}")
    assert err.count("\n") == 1


def test_two_folders_of_one_series_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("x", "y"):
        store.save(tmp_path / name / "truth.jsonl", [truth_of(0)], PhantomTruth)
    code, _, err = call(capsys, "--phantoms", tmp_path / "x", "--phantoms", tmp_path / "y", "--out", tmp_path / "o")
    assert code == 2
    assert "PHANTOMS_TWICE" in err


def test_a_truth_without_its_images_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store.save(tmp_path / "x" / "truth.jsonl", [truth_of(0)], PhantomTruth)
    code, _, err = call(capsys, "--phantoms", tmp_path / "x", "--out", tmp_path / "o")
    assert code == 3
    assert err.count("\n") == 1


def test_a_model_behind_a_server_is_measured_and_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = tmp_path / "ledger.sqlite"
    given = ("--number", "6", "--style", "tuned", "--ledger", ledger, "--processes", "1", "--json")
    with started() as url:
        model = ("--reader", f"server:fake@{url}", "--auditor", f"server:auditor@{url}")
        code, out, err = call(capsys, *given, *model, "--out", tmp_path / "asked")
    assert code == 0, err
    assert "one model gives both readings" in err
    summary = json.loads(out)["summary"]
    assert set(summary) == {
        "tuned_2_masks_given",
        "tuned_2_masks_hidden",
        "tuned_2_masks_given_sequence_hidden",
    }
    assert all(condition["labels"]["conservative"]["precision"]["n"] > 0 for condition in summary.values())
    code, _, err = call(capsys, *given, *model, "--replay", "--out", tmp_path / "replayed")
    assert code == 0, err
    first, second = ((tmp_path / name / "validation.json").read_bytes() for name in ("asked", "replayed"))
    assert first == second
    assert json.loads(first)["reader"] == f"server:fake@{url}"
