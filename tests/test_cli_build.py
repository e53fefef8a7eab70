"""`build benchmark` and `build redraw` as commands."""

import json

from factories_build import skewed_labels
from neuroonco import store
from neuroonco.audit.records import AuditedLabel
from neuroonco.build.interop import read_closed
from neuroonco.cli import run


def call(capsys, *arguments: object) -> tuple[int, str, str]:
    code = run([str(one) for one in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def labels_file(tmp_path, n=200):
    path = tmp_path / "labels.parquet"
    store.save(path, skewed_labels(n), AuditedLabel)
    return path


def test_a_benchmark_with_twins_and_what_it_lacks(tmp_path, capsys):
    code, out, err = call(
        capsys,
        *("build", "benchmark", labels_file(tmp_path), "--out", tmp_path / "b", "--whole"),
        *("--per-type", 90, "--twins", "--json"),
    )
    assert code == 0, err
    counts = json.loads(out)
    items = read_closed(tmp_path / "b" / "closed.parquet").records
    twins = read_closed(tmp_path / "b" / "closed_twins.parquet").records
    assert counts["closed"] == len(items) > 300
    assert counts["twins"] == sum(i.twin_of is not None for i in twins) > 0
    by_wording = {one["wording"]: one for one in counts["shortages"]}
    assert by_wording["diagnosis"]["built"] < 90
    assert "modality" not in by_wording
    assert by_wording["diagnosis"]["said"].startswith("diagnosis: ")
    assert err == ""  # what is said to people would only be in the way of a program


def test_redrawing_keeps_what_can_be_balanced(tmp_path, capsys):
    call(capsys, "build", "benchmark", labels_file(tmp_path), "--out", tmp_path / "b", "--whole")
    code, out, err = call(
        capsys,
        "build",
        "redraw",
        tmp_path / "b" / "closed.parquet",
        "--out",
        tmp_path / "r.json",
        "--seed",
        5,
        "--json",
    )
    assert code == 0, err
    before = read_closed(tmp_path / "b" / "closed.parquet").records
    after = read_closed(tmp_path / "r.json").records
    assert json.loads(out)["questions"] == len(after) == len(before)  # it was balanced already
    assert [i.image_path for i in after] == [i.image_path for i in before]
    assert [i.options for i in after] != [i.options for i in before]


def test_redrawing_what_is_no_benchmark_is_one_line(tmp_path, capsys):
    (tmp_path / "x.json").write_text("{}")
    code, _, err = call(capsys, "build", "redraw", tmp_path / "x.json", "--out", tmp_path / "r.json")
    assert code != 0
    assert "Traceback" not in err
    assert not (tmp_path / "r.json").exists()


def test_mistakes_are_one_line_and_lose_nothing(tmp_path, capsys):
    labels = labels_file(tmp_path, 20)
    (tmp_path / "file").write_text("mine")
    code, _, err = call(capsys, "build", "benchmark", labels, "--out", tmp_path / "file")
    assert (code, "OUT_NOT_A_FOLDER" in err, "Traceback" in err) == (3, True, False)
    code, _, err = call(capsys, "build", "benchmark", labels, "--out", tmp_path / "b", "--seed", 2**63)
    assert (code, "Traceback" in err) == (2, False)
    assert not (tmp_path / "b").exists()
    code, _, err = call(capsys, "build", "benchmark", labels, "--out", tmp_path / "b", "--seed", 2**63 - 1, "--whole")
    assert code == 0, err
    assert read_closed(tmp_path / "b" / "closed.parquet").records[0].seed == 2**63 - 1
    theirs = tmp_path / "b" / "benchmark_closed.json"
    before = theirs.read_bytes()
    code, _, err = call(capsys, "build", "redraw", theirs, "--out", theirs)
    assert (code, "OUT_EXISTS" in err) == (2, True)
    assert theirs.read_bytes() == before


def test_exports_can_be_named_one_by_one(tmp_path, capsys):
    labels = labels_file(tmp_path, 20)
    code, _, err = call(
        capsys,
        *("build", "instruct", labels, "--out", tmp_path / "i", "--whole", "--export", "trl", "--export", "ms-swift"),
    )
    assert code == 0, err
    assert (tmp_path / "i" / "trl").is_dir()
    assert (tmp_path / "i" / "ms-swift").is_dir()
