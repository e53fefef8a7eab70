"""The command line: help for everything, one line for every failure, results on stdout alone."""

import json
import os
import re
import struct
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuroonco import store
from neuroonco.cli import run
from neuroonco.readings.records import LesionReading

REPO = Path(__file__).resolve().parent.parent


def call(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = run([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def blob(seed: int, size: int = 96, *, lesion: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """A noisy bright head with one bright disc, and the disc's mask."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((size, size))
    head = np.hypot(rows - size / 2, columns - size / 2) < size * 0.45
    disc = np.hypot(rows - size * 0.4, columns - size * 0.6) < size * 0.1
    image = 20 + 90 * head + (80 * disc if lesion else 0) + rng.normal(0, 3, (size, size))
    return image.clip(0, 255).astype(np.uint8), (disc * 255).astype(np.uint8)


def save(path: Path, pixels: np.ndarray, **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


@pytest.fixture
def canonical(tmp_path: Path) -> Path:
    """A small tree in the reference's layout."""
    root = tmp_path / "root"
    case = root / "glioma" / "16_t1_t2_t1ce_flair_mask" / "BraTS2021_00001"
    for seed, sequence in enumerate(("t1", "flair")):
        image, mask = blob(seed)
        save(case / f"BraTS2021_00001_{sequence}.png", image)
    save(case / "BraTS2021_00001_seg.png", mask)
    save(root / "healthy" / "09_t2" / "healthy_09_t2 (3).jpg", blob(9, lesion=False)[0])
    return root


def test_every_command_is_documented_with_an_example() -> None:
    page = (REPO / "docs" / "cli.md").read_text("utf-8")
    sections = page.split("\n## ")[1:]
    assert len(sections) >= 26
    for section in sections:
        name = section.splitlines()[0]
        assert f"Example: {name.split('[')[0].strip()}" in section, f"{name}: its help has no example"
        for option in re.findall(
            r"^  (--[a-z-]+.*|[a-z_]+ <.*)$", section.partition("Options:")[2], flags=re.MULTILINE
        ):
            assert len(option.split("  ", 1)) == 2 or option.endswith(">"), f"{name}: {option} has no help"


def test_help_in_the_docs_is_what_the_commands_say() -> None:
    command = [sys.executable, str(REPO / "scripts" / "write_cli_docs.py"), "--check"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_contract_commands_exist() -> None:
    page = (REPO / "docs" / "cli.md").read_text("utf-8")
    contract = (
        "catalog curate measure describe read fuse audit,build instruct,build benchmark,check benchmark,predict "
        "score compare,review serve,review import,review export,review invite,review status,review agreement"
        ",review sheet,review apply,review label-studio,demo run trace,show sources"
        ",train run,train recipes,train merge,train card,train export,train study"
        ",report run,report compare,export inspect,export lmms-eval,export vlmevalkit,export predictions"
        ",publish run,publish benchmark,check leaks,show terms,show rules,show prompts,sources infer,sources check"
    )
    names = [n for part in contract.split(",") for n in ([part] if part.split()[0] in GROUPS else part.split())]
    for name in names:
        assert f"## neuroonco {name}\n" in page, name


GROUPS = ("build", "check", "export", "ledger", "publish", "report", "review", "show", "sources", "train")


def test_commands_in_the_readme_exist() -> None:
    page = (REPO / "docs" / "cli.md").read_text("utf-8")
    lines = re.findall(r"^(?:\.venv/bin/)?neuroonco (.+)$", (REPO / "README.md").read_text("utf-8"), flags=re.MULTILINE)
    assert len(lines) >= 14
    for line in lines:
        words = line.split()
        command = " ".join(words[:2] if words[0] in GROUPS else words[:1])
        section = page.partition(f"## neuroonco {command}\n")[2].partition("\n## ")[0]
        assert section, line
        for option in re.findall(r"--[a-z-]+", line.partition("#")[0]):
            assert option in section, line


# --- the chain of files, in the reference's JSON and in ours ---


@pytest.mark.parametrize(("suffix", "rules"), [(".json", "paper"), (".json", "default"), (".parquet", "default")])
def test_the_whole_chain(
    canonical: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str, rules: str
) -> None:
    def file(name: str) -> Path:
        return tmp_path / f"{name}{suffix}"

    root = ("--root", canonical)
    chosen = ("--rules", rules)
    steps: list[tuple[str | Path, ...]] = [
        ("catalog", canonical, "--layout", "reference", "--out", file("catalog")),
        ("measure", file("catalog"), *root, *chosen, "--out", file("measured")),
        ("describe", file("measured"), *chosen, "--out", file("described")),
        *(
            ("read", file("measured"), *root, "--reading", kind, *chosen, "--out", file(kind))
            for kind in ("conservative", "skeptical")
        ),
        ("fuse", file("conservative"), file("skeptical"), "--source", file("measured"), *chosen,
         "--out", file("fused"), "--healthy-out", file("healthy")),
        ("audit", file("fused"), *root, "--model", "physics", "--source", file("measured"), *chosen,
         "--out", file("labels")),
        ("build", "benchmark", file("labels"), "--whole", "--out", tmp_path / "benchmark"),
        ("build", "instruct", file("labels"), "--whole", "--out", tmp_path / "instructions"),
    ]  # fmt: skip
    for step in steps:
        code, out, err = call(capsys, *step)
        assert (code, out) == (0, ""), f"{step[0]}: {err}"
        assert "Traceback" not in err
    if suffix == ".json":
        catalog = json.loads(file("catalog").read_text())
        assert [r["sample_id"] for r in catalog if r["has_mask"]] == [
            r["sample_id"] for r in catalog if r["image_path"].startswith("glioma/16_")
        ]
        measured = {r["sample_id"]: r["medical_semantics"] for r in json.loads(file("measured").read_text())}
        flair = measured["glioma_16_t1_t2_t1ce_flair_mask_BraTS2021_00001_flair"]
        assert flair["size"] == "Medium"
        assert flair["spread"] == "Solitary Lesion"
        described = json.loads(file("described").read_text())
        assert set(described[0]) == {"sample_id", "image_path", "coarse_description"}
        labels = json.loads(file("labels").read_text())
        assert {r["gold_label"]["meta_info"]["true_tumor_type"] for r in labels} == {"glioma"}
    assert (tmp_path / "instructions" / "instruction_open_train.jsonl").stat().st_size > 0


def test_predict_score_compare_check_and_review(
    upstream_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published = upstream_root / "mm-neuroonco_benchmark_closed_v1.0.json"
    for model in ("random", "always-e"):
        predictions = tmp_path / f"{model}.jsonl"
        code, _, err = call(capsys, "predict", published, "--root", tmp_path, "--model", model, "--out", predictions)
        assert code == 0, err
    code, out, _ = call(capsys, "score", published, tmp_path / "always-e.jsonl", "--json")
    score = json.loads(out)
    assert code == 0
    assert score["rejection"]["recall"] == {"value": 1.0, "low": pytest.approx(0.9917, abs=1e-4), "high": 1.0, "n": 606}
    assert score["accuracy"]["n"] == 3190
    code, out, _ = call(capsys, "compare", published, tmp_path / "random.jsonl", tmp_path / "always-e.jsonl", "--json")
    assert code == 0
    assert json.loads(out)["models"][1]["accuracy"]["value"] == pytest.approx(606 / 3190)
    code, out, _ = call(capsys, "check", "benchmark", published, "--json")
    checked = json.loads(out)
    assert code == 1, "the published benchmark fails the gate"
    rankers = [row for row in checked["blind"] if row["guesser"] == "ranker" and row["question_type"] is None]
    assert rankers[0]["accuracy"]["value"] > 0.75
    assert {"code", "n", "examples"} <= set(checked["findings"][0])
    sheet = tmp_path / "sheet.jsonl"
    code, _, _ = call(capsys, "review", "sheet", published, "--out", sheet)
    rows = [json.loads(line) for line in sheet.read_text().splitlines()]
    assert code == 0
    assert len(rows) == 3190
    assert "image_path" not in rows[0]
    decisions = tmp_path / "decisions.jsonl"
    decision = {"item": rows[0]["item"], "reader": "r1", "verdict": "reject", "comment": "blurred"}
    decisions.write_text(json.dumps(decision) + "\n")
    code, out, _ = call(
        capsys, "review", "apply", published, decisions, "--out", tmp_path / "reviewed.parquet", "--json"
    )
    counts = json.loads(out)
    assert code == 0
    assert (counts["kept"], counts["dropped_by_reason"]) == (3189, {"review_rejected": 1})


# --- failures ---


def one_line(err: str, code: str) -> None:
    lines = [line for line in err.splitlines() if line.startswith("error[")]
    assert len(lines) == 1, err
    assert lines[0].startswith(f"error[{code}"), err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code"),
    [
        (("catalog", "missing", "--out", "x.json"), 3, "ROOT_MISSING"),
        (("catalog", "file.txt", "--out", "x.json"), 3, "ROOT_NOT_A_FOLDER"),
        (("catalog", "empty", "--out", "x.json"), 3, "ROOT_EMPTY"),
        (("catalog", "empty", "--layout", "reference", "--out", "x.json"), 3, "ROOT_EMPTY"),
        (("catalog", "empty", "--source", "99", "--out", "x.json"), 2, "SOURCE_UNKNOWN"),
        (("catalog", "full", "--out", "x.json"), 3, "SOURCE_UNRECOGNIZED"),
        (("measure", "broken.json", "--root", "empty", "--out", "x.json"), 3, "JSON_BROKEN"),
        (("measure", "missing.json", "--root", "empty", "--out", "x.json"), 3, "FILE_MISSING"),
        (("measure", "list.json", "--root", "missing", "--out", "x.json"), 3, "ROOT_MISSING"),
        (("measure", "list.json", "--root", "empty", "--rules", "mine", "--out", "x.json"), 2, "RULES_UNKNOWN"),
        (("describe", "list.json", "--out", "x.csv"), 3, "FORMAT_UNKNOWN"),
        (("describe", "list.json", "--out", "file.txt/x.json"), 3, "CANNOT_WRITE"),
        (("read", "list.json", "--root", "empty", "--reader", "gpt", "--out", "x.json"), 2, "READER_UNKNOWN"),
        (("audit", "list.json", "--source", "list.json", "--out", "x.json"), 2, "AUDITOR"),
        (("predict", "list.json", "--root", "empty", "--model", "random", "--out", "x.jsonl"), 3, "BENCHMARK_EMPTY"),
        (("score", "list.json", "list.json"), 3, "BENCHMARK_EMPTY"),
        (("run", "nothing"), 2, "PROFILE_UNKNOWN"),
        (("run", "real-samples"), 2, "ROOT_NEEDED"),
        (("trace", "s1", "--run", "empty"), 3, "RUN_MISSING"),
        (("report", "empty"), 3, "RUN_MISSING"),
        (("publish", "empty", "--out", "x"), 3, "RUN_MISSING"),
        (("review", "serve", "none.sqlite", "--root", "empty"), 3, "ROOM_MISSING"),
        (("review", "import", "list.json", "--room", "r.sqlite"), 3, "BENCHMARK_EMPTY"),
        (("review", "export", "file.txt", "--out", "x"), 3, "ROOM_FOREIGN"),
        (("train", "list.json", "--root", "empty"), 2, "RECIPE_EXPECTED"),
        (("show", "prompts", "none"), 2, "PROMPT_UNKNOWN"),
        (("show", "terms", "none"), 2, "GROUP_UNKNOWN"),
        (("run", "escape.toml"), 3, "PROFILE_INVALID"),
        (("run", "nothing.toml"), 3, "PROFILE_INVALID"),
        (("run", "outside.toml", "--root", "empty"), 3, "PATH_OUTSIDE_ROOT"),
        (("run", "model.toml"), 2, "MODEL_UNKNOWN"),
        (("measure", "list.json", "--root", "n" * 5000, "--out", "x.json"), 3, "ROOT_"),
        (("nonsense",), 2, "USAGE"),
        (("catalog",), 2, "USAGE"),
        (("measure", "list.json", "--colour"), 2, "USAGE"),
    ],
)
def test_failures_are_one_line_with_their_exit_code(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    exit_code: int,
    code: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "full" / "whatever").mkdir(parents=True)
    (tmp_path / "full" / "whatever" / "a.txt").write_text("")
    (tmp_path / "file.txt").write_text("")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "broken.json").write_text('[{"a": ')
    head = 'description = "d"\nseed = 1\n'
    phantoms = "[phantoms]\nnumber = 2\nseed = 1\n"
    (tmp_path / "escape.toml").write_text(f'name = "../../x"\n{head}{phantoms}')
    (tmp_path / "nothing.toml").write_text(f'name = "x"\n{head}')
    (tmp_path / "outside.toml").write_text(f'name = "x"\n{head}[sources]\n"01" = "/etc/ssl"\n')
    (tmp_path / "model.toml").write_text(f'name = "x"\n{head}models = ["gpt"]\n{phantoms}')
    found, out, err = call(capsys, *arguments)
    assert (found, out) == (exit_code, "")
    one_line(err, code)


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_odd_files_are_used_or_quarantined_and_the_rest_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "root" / "Training" / "glioma_tumor"
    folder.mkdir(parents=True)
    image, _ = blob(1)
    gray = Image.fromarray(image)
    gray.save(folder / "plain.png")
    Image.fromarray(image.astype(np.uint16) * 200).save(folder / "sixteen.png")
    gray.convert("P").save(folder / "palette.png")
    gray.convert("RGBA").save(folder / "rgba.png")
    gray.convert("CMYK").save(folder / "cmyk.tif")
    exif = Image.Exif()
    exif[0x0112] = 6
    gray.resize((96, 64)).save(folder / "rotated.jpg", exif=exif)
    (folder / "huge.png").write_bytes(png_header(20_000, 20_000))
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.jpg").write_bytes(b"I am no image")
    buffer = BytesIO()
    gray.save(buffer, "JPEG")
    (folder / "torn.jpg").write_bytes(buffer.getvalue()[:400])
    (folder / "outside.png").symlink_to("/etc/hostname")
    os.mkfifo(folder / "pipe.png")
    (folder / "new\nline\x1b[31m.png").write_bytes(b"x")
    (folder / "notes.txt").write_text("hello")
    out = tmp_path / "catalog.parquet"
    code, stdout, err = call(capsys, "catalog", tmp_path / "root", "--source", "01", "--out", out, "--json")
    counts = json.loads(stdout)
    assert code == 0
    assert (counts["kept"], counts["quarantined"], counts["dropped"]) == (6, 7, 1)
    assert len([line for line in err.splitlines() if line.startswith("quarantined[")]) == 7
    rows = [json.loads(line) for line in (tmp_path / "catalog.quarantined.jsonl").read_text().splitlines()]
    codes = {r["image_path"].rsplit("/", 1)[1]: r["code"] for r in rows}
    assert codes["huge.png"] == "IMAGE_TOO_LARGE"
    assert codes["empty.png"] == "IMAGE_EMPTY"
    assert codes["text.jpg"] == "IMAGE_UNDECODABLE"
    assert codes["torn.jpg"] == "IMAGE_TRUNCATED"
    assert codes["outside.png"] == "PATH_OUTSIDE_ROOT"
    from neuroonco import store
    from neuroonco.catalog.records import SliceRecord

    sizes = {r.image_path.rsplit("/", 1)[1]: (r.width_px, r.height_px) for r in store.load_strict(out, SliceRecord)}
    assert sizes["rotated.jpg"] == (64, 96), "turned upright by its EXIF tag"


def test_bad_rows_cost_themselves_and_exit_one(
    canonical: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = tmp_path / "catalog.json"
    assert call(capsys, "catalog", canonical, "--layout", "reference", "--out", good)[0] == 0
    rows = json.loads(good.read_text())
    bad = [
        {**rows[0], "sample_id": "a", "image_path": "../x.png"},
        {**rows[0], "sample_id": "b", "image_path": "/etc/passwd"},
        {**rows[0], "sample_id": "c", "colour": "red"},
        {"sample_id": "d"},
        "not an object",
    ]
    (tmp_path / "mixed.json").write_text(json.dumps(rows + bad))
    arguments = ("measure", tmp_path / "mixed.json", "--root", canonical, "--out", tmp_path / "m.json", "--json")
    code, out, err = call(capsys, *arguments)
    counts = json.loads(out)
    assert code == 1
    assert (counts["kept"], counts["quarantined"]) == (len(rows), 5)
    assert "Traceback" not in err
    assert sorted(re.findall(r"quarantined\[(\w+)\]", err)) == [
        "FIELD_MISSING",
        "FIELD_UNKNOWN",
        "PATH_OUTSIDE_ROOT",
        "PATH_OUTSIDE_ROOT",
        "ROW_NOT_AN_OBJECT",
    ]


def test_reference_files_lose_no_row_silently(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def reading(found: str, modality: str = "T1") -> dict[str, object]:
        return {"meta_info": {"lesion_found": found, "predicted_modality": modality}, "structured_signs": {}}

    def file(name: str, rows: list[object]) -> Path:
        (tmp_path / name).write_text(json.dumps(rows))
        return tmp_path / name

    def row(sample_id: str, found: str, modality: str = "T1") -> object:
        return {"sample_id": sample_id, "ai_prediction": reading(found, modality)}

    a = file("a.json", [row("kept", "True"), row("split", "True"), row("seq", "True"), row("only", "True"), {"x": 1}])
    b = file("b.json", [row("kept", "True"), row("split", "False"), row("seq", "True", "T2")])
    source = file("source.json", [])
    fused, healthy, labels = (tmp_path / f"{n}.json" for n in ("fused", "healthy", "labels"))
    outs = ("--out", fused, "--healthy-out", healthy, "--json")
    code, out, _ = call(capsys, "fuse", a, b, "--source", source, "--rules", "paper", *outs)
    counts = json.loads(out)
    assert code == 1, "a row without an id could not be read"
    assert (counts["kept"], counts["quarantined"]) == (1, 1)
    assert counts["dropped_by_reason"] == {"lesion_disputed": 1, "reading_missing": 1, "sequence_conflict": 1}
    assert len((tmp_path / "fused.dropped.jsonl").read_text().splitlines()) == 3
    answers = file("answers.json", [])
    code, out, _ = call(
        capsys, "audit", fused, "--answers", answers, "--source", source, "--rules", "paper", "--out", labels, "--json"
    )
    assert (code, json.loads(out)["dropped_by_reason"]) == (0, {"audit_missing": 1})


def test_a_mask_of_another_size_is_one_line(
    canonical: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (case,) = (canonical / "glioma" / "16_t1_t2_t1ce_flair_mask").iterdir()
    catalog = tmp_path / "catalog.json"
    call(capsys, "catalog", canonical, "--layout", "reference", "--out", catalog)
    save(case / "BraTS2021_00001_seg.png", blob(1, size=64)[1])
    code, _, err = call(capsys, "measure", catalog, "--root", canonical, "--out", tmp_path / "m.json")
    assert code == 0
    assert len([line for line in err.splitlines() if line.startswith("quarantined[MASK_SIZE]")]) == 2
    assert len(json.loads((tmp_path / "m.json").read_text())) == 1, "the healthy slice is still done"


def test_untrusted_values_cost_their_row_only(
    canonical: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = tmp_path / "catalog.json"
    call(capsys, "catalog", canonical, "--layout", "reference", "--out", good)
    rows = json.loads(good.read_text())
    meta = rows[0]["image_meta"]
    bad = [
        {**rows[0], "sample_id": "\ud800x"},
        {**rows[0], "sample_id": "b", "image_meta": {**meta, "height": 10**30}},
        {**rows[0], "sample_id": "c", "image_meta": {**meta, "height": -5}},
        {**rows[0], "sample_id": "d", "has_mask": True, "mask_path": "m" * 5000 + ".png"},
    ]
    mixed = tmp_path / "mixed.json"
    mixed.write_text(json.dumps(rows + bad))
    for out in ("m.parquet", "m.json"):
        code, stdout, err = call(capsys, "measure", mixed, "--root", canonical, "--out", tmp_path / out, "--json")
        counts = json.loads(stdout)
        assert (code, counts["kept"], counts["quarantined"]) == (1, len(rows), 4), err
    os.mkfifo(tmp_path / "pipe.json")
    code, _, err = call(capsys, "measure", tmp_path / "pipe.json", "--root", canonical, "--out", tmp_path / "x.json")
    assert code == 3
    one_line(err, "NOT_A_FILE")


def test_undecided_slices_are_dropped_by_name_where_json_cannot_say_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    abstained = {"sample_id": "a", "error": "abstained: the reader cannot tell whether there is a lesion"}
    (tmp_path / "a.json").write_text(json.dumps([abstained]))
    (tmp_path / "b.json").write_text(json.dumps([abstained]))
    (tmp_path / "source.json").write_text("[]")
    files = (tmp_path / "a.json", tmp_path / "b.json", "--source", tmp_path / "source.json")
    for suffix, expected in ((".json", (0, {"not_in_format": 1})), (".jsonl", (1, {}))):
        outs = ("--out", tmp_path / f"f{suffix}", "--healthy-out", tmp_path / f"h{suffix}", "--json")
        code, out, _ = call(capsys, "fuse", *files, *outs)
        counts = json.loads(out)
        assert (code, (counts["kept"], counts["dropped_by_reason"])) == (0, expected), suffix


def test_one_file_is_no_two_readings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {"meta_info": {"lesion_found": "True"}, "structured_signs": {"shape": "Oval"}}
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(json.dumps([{"sample_id": "a", "ai_prediction": found}]))
    (tmp_path / "link.json").symlink_to("a.json")
    measured = LesionReading(slice_id="a", sample_id="a", reader="measuring", lesion_found=True)
    for name in ("a.jsonl", "copy.jsonl"):
        store.save(tmp_path / name, [measured], LesionReading)
    (tmp_path / "source.json").write_text("[]")
    outs = ("--source", tmp_path / "source.json", "--out", tmp_path / "f.json", "--healthy-out", tmp_path / "h.json")
    for first, second in (("a.json", "a.json"), ("a.json", "link.json"), ("a.jsonl", "copy.jsonl")):
        code, _, err = call(capsys, "fuse", tmp_path / first, tmp_path / second, *outs)
        assert code == 2
        one_line(err, "SAME_READING")
    assert not (tmp_path / "f.json").exists()
    # The reference's files name no reader, and two readers that agree write the same.
    assert call(capsys, "fuse", tmp_path / "a.json", tmp_path / "b.json", *outs)[0] == 0
    assert call(capsys, "fuse", tmp_path / "a.json", tmp_path / "a.json", *outs, "--rules", "paper")[0] == 0


def test_an_answer_file_keeps_only_what_it_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    meta = {"predicted_modality": "t2", "predicted_location": "Center", "lesion_found": "True"}
    label = {"meta_info": meta, "structured_signs": {"shape": "Oval", "texture": "Homogeneous"}}
    fused = [{"sample_id": i, "image_path": "", "fused_label": label} for i in ("bare", "named", "twice")]
    bare = {"final_decision": "ACCEPT"}
    named = bare | {"field_actions": {"predicted_modality": "KEEP", "shape": "KEEP"}}
    said = [("bare", bare), ("named", named), ("twice", bare), ("twice", named), ("named", named)]
    rows = {"fused": fused, "answers": [{"sample_id": i, "answer": a} for i, a in said], "source": []}
    for name, document in rows.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    files = (tmp_path / "fused.json", "--answers", tmp_path / "answers.json", "--source", tmp_path / "source.json")
    code, out, _ = call(capsys, "audit", *files, "--out", tmp_path / "gold.json", "--json")
    assert (code, json.loads(out)["kept"], json.loads(out)["quarantined"]) == (0, 2, 1)
    gold = {row["sample_id"]: row["gold_label"] for row in json.loads((tmp_path / "gold.json").read_text())}
    signs = {i: {k: v for k, v in g["structured_signs"].items() if v is not None} for i, g in gold.items()}
    assert signs == {"bare": {}, "named": {"shape": "Oval"}}
    assert [gold[i]["meta_info"]["predicted_modality"] for i in ("bare", "named")] == [None, "t2"]
    assert [gold[i]["meta_info"]["predicted_location"] for i in ("bare", "named")] == [None, None]


def test_paper_rules_refuse_a_mix_of_formats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.json", "b.json", "source.json"):
        (tmp_path / name).write_text("[]")
    files = (tmp_path / "a.json", tmp_path / "b.json", "--source", tmp_path / "source.json")
    outs = ("--out", tmp_path / "f.parquet", "--healthy-out", tmp_path / "h.json")
    code, _, err = call(capsys, "fuse", *files, "--rules", "paper", *outs)
    assert code == 2
    one_line(err, "PAPER_NEEDS_JSON")
    assert call(capsys, "fuse", *files, "--rules", "default", *outs)[0] == 0


def test_an_unreadable_question_makes_the_score_incomplete(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pair = {"question_type": "size", "question": "How large?", "options": {"A": "Small", "B": "Large"}, "answer": "A"}
    images = [{"id": 1, "image_path": "a.png", "vqa_pairs": [pair, {**pair, "question_type": "mood"}]}]
    benchmark = tmp_path / "b.json"
    benchmark.write_text(json.dumps(images))
    predictions = tmp_path / "p.jsonl"
    predictions.write_text('{"id": "1", "q_index": 0, "model": "m", "status": "ok", "pred": "A"}\n')
    code, out, _ = call(capsys, "score", benchmark, predictions, "--json")
    score = json.loads(out)
    assert code == 1
    assert (score["accuracy"]["value"], score["complete"], score["unreadable_questions"]) == (1.0, False, 1)


def test_copies_are_found_in_the_references_catalogue_too(
    canonical: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    healthy = canonical / "healthy" / "09_t2" / "healthy_09_t2 (3).jpg"
    (canonical / "meningioma" / "17").mkdir(parents=True)
    (canonical / "meningioma" / "17" / "meningioma_17 (1).jpg").write_bytes(healthy.read_bytes())
    for suffix in (".json", ".parquet"):
        catalog = tmp_path / f"catalog{suffix}"
        call(capsys, "catalog", canonical, "--layout", "reference", "--out", catalog)
        arguments = ("curate", catalog, "--root", canonical, "--out", tmp_path / suffix[1:], "--json")
        code, out, _ = call(capsys, *arguments)
        counts = json.loads(out)
        assert code == 0
        assert (counts["conflicting_groups"], counts["dropped_by_reason"]) == (1, {"label_conflict": 2}), suffix
    code, out, _ = call(capsys, *arguments[:-3], "--out", tmp_path / "kept", "--conflicts", "keep", "--json")
    counts = json.loads(out)
    assert code == 0
    assert (counts["conflicting_groups"], "label_conflict" in counts["dropped_by_reason"]) == (1, False)


def test_cases_of_brats_stay_on_one_side_in_both_formats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "root"
    for case in range(12):
        folder = root / "glioma" / "16_t1_t2_t1ce_flair_mask" / f"BraTS2021_{case:05d}"
        for seed, sequence in enumerate(("t1", "t2", "t1ce", "flair")):
            image, mask = blob(10 * case + seed)
            save(folder / f"{folder.name}_{sequence}.png", image)
        save(folder / f"{folder.name}_seg.png", mask)
    for suffix in (".json", ".parquet"):
        path = {n: tmp_path / f"{n}{suffix}" for n in ("catalog", "measured", "a", "b", "fused", "healthy", "labels")}
        rooted = ("--root", root)
        for step in (
            ("catalog", root, "--layout", "reference", "--out", path["catalog"]),
            ("measure", path["catalog"], *rooted, "--out", path["measured"]),
            ("read", path["measured"], *rooted, "--out", path["a"]),
            ("read", path["measured"], *rooted, "--reading", "skeptical", "--out", path["b"]),
            ("fuse", path["a"], path["b"], "--source", path["measured"], "--out", path["fused"],
             "--healthy-out", path["healthy"]),
            ("audit", path["fused"], *rooted, "--model", "physics", "--source", path["measured"],
             "--out", path["labels"]),
            ("build", "benchmark", path["labels"], "--out", tmp_path / f"bench{suffix}"),
            ("build", "instruct", path["labels"], "--out", tmp_path / f"train{suffix}"),
        ):  # fmt: skip
            code, _, err = call(capsys, *step)
            assert code == 0, err
        benchmark = json.loads((tmp_path / f"bench{suffix}" / "benchmark_open.json").read_text())
        asked = {Path(image["image_path"]).parent.name for image in benchmark}
        lines = (tmp_path / f"train{suffix}" / "instruction_open_train.jsonl").read_text().splitlines()
        taught = {Path(json.loads(line)["images"][0]).parent.name for line in lines}
        assert taught
        assert asked.isdisjoint(taught), suffix


def test_show_prints_the_data_files(capsys: pytest.CaptureFixture[str]) -> None:
    for what, expected in {
        "terms": "enhancement.ring",
        "rules": "measure.size_small_below = 0.01 share of the image",
        "prompts": "read_skeptical",
        "sources": "BRISC",
    }.items():
        code, out, _ = call(capsys, "show", what)
        assert code == 0
        assert expected in out
        code, out, _ = call(capsys, "show", what, "--json")
        assert code == 0
        assert json.loads(out)


def test_interrupt_is_130() -> None:
    script = """
import signal, sys
from neuroonco.walk import run as walk_run
def interrupted(*_, **__):
    raise KeyboardInterrupt
import neuroonco.cli.walk
neuroonco.cli.walk.walk = interrupted
from neuroonco.cli import main
main(["demo"])
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 130
    assert "run the same command again" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_usage_error_names_the_help_of_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["read", "described.parquet"]) == 2
    assert capsys.readouterr().err.rstrip().endswith("fix: neuroonco read --help")
    assert run(["no-such-command"]) == 2
    assert capsys.readouterr().err.rstrip().endswith("fix: neuroonco --help")
