"""What all exports have in common: nothing leaks, nothing is lost, nothing is overwritten."""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from exported_benchmarks import FOLDER, PATIENT, closed_benchmark, open_benchmark, picture, written
from neuroonco import store
from neuroonco.build.records import ClosedItem
from neuroonco.cli.app import run
from neuroonco.errors import InputError
from neuroonco.export.folder import exported_folder, read_manifest
from neuroonco.export.inspect_folder import write_inspect
from neuroonco.export.lmms_eval import write_lmms_eval
from neuroonco.export.questions import Exportable, exportable, question_names
from neuroonco.export.reading import read_pictures, read_questions
from neuroonco.export.records import Export, ExportedQuestion
from neuroonco.export.vlmevalkit import write_vlmevalkit
from neuroonco.models.endpoints import shipped
from neuroonco.models.picture import encode_picture
from neuroonco.predict.ask import QuestionBrief
from neuroonco.predict.ask_closed import ClosedQuestions
from neuroonco.predict.pictures import PictureFinder
from neuroonco.predict.run_files import benchmark_hash

Write = Callable[[Exportable, Path], Export]
WRITERS: tuple[Write, ...] = (write_inspect, write_lmms_eval, write_vlmevalkit)
TARGETS = ("inspect", "lmms-eval", "vlmevalkit")


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("make", [closed_benchmark, open_benchmark])
def test_nothing_names_a_file_a_patient_or_a_source(tmp_path: Path, write: Write, make: Callable[[Path], list]) -> None:
    items = make(tmp_path)
    write(exportable(items, tmp_path), tmp_path / "out")
    told = {PATIENT, FOLDER, "Smith", str(tmp_path), "group-", '"01"', items[0].slice_id + '"', "source_id"}
    for name, data in contents(tmp_path / "out").items():
        assert not [word for word in told if word.encode() in data or word in name], name


@pytest.mark.parametrize("write", WRITERS)
def test_same_benchmark_same_bytes(tmp_path: Path, write: Write) -> None:
    items = closed_benchmark(tmp_path)
    write(exportable(items, tmp_path), tmp_path / "one")
    write(exportable(items, tmp_path), tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_questions_are_those_of_predict(tmp_path: Path) -> None:
    items = closed_benchmark(tmp_path)
    found = exportable(items, tmp_path)
    asked = ClosedQuestions(QuestionBrief())
    names = question_names(items)
    assert found.left_out == {"twin": 5}
    assert len(found.questions) == 15
    for question in found.questions:
        assert isinstance(question, ExportedQuestion)
        item = names[question.name]
        assert isinstance(item, ClosedItem)
        assert item.twin_of is None
        assert [question.prompt] == [turn.text for turn in asked.call((item,), None).turns]
        assert (question.options, question.answer, question.q_index) == (item.options, item.answer, item.q_index)
        shown = np.asarray(Image.open(BytesIO(found.pictures[question.image])))
        np.testing.assert_array_equal(shown, PictureFinder(tmp_path).read(item))


@pytest.mark.parametrize(
    ("height_px", "width_px", "shown"),
    [
        (2048, 1600, (1024, 800)),
        (1600, 2048, (800, 1024)),
        (1025, 1025, (1024, 1024)),
        (1024, 1024, (1024, 1024)),
        (5000, 80, (1024, 16)),
        (40, 1023, (40, 1023)),
    ],
)
def test_a_large_picture_is_the_one_that_predict_sends(
    tmp_path: Path, height_px: int, width_px: int, shown: tuple[int, int]
) -> None:
    items = closed_benchmark(tmp_path, images=1)
    pixels = np.random.default_rng(height_px).integers(0, 255, (height_px, width_px), np.uint8)
    Image.fromarray(pixels).save(tmp_path / items[0].image_path)
    (data,) = exportable(items, tmp_path).pictures.values()
    sent = encode_picture(PictureFinder(tmp_path).read(items[0]), shipped()["openai"])
    assert data == sent.data
    assert np.asarray(Image.open(BytesIO(data))).shape == shown


def test_pictures_hold_pixels_alone(tmp_path: Path) -> None:
    found = exportable(closed_benchmark(tmp_path), tmp_path)
    for data in found.pictures.values():
        chunks, at = [], 8
        while at < len(data):
            size = int.from_bytes(data[at : at + 4], "big")
            chunks.append(data[at + 4 : at + 8])
            at += size + 12
        assert set(chunks) == {b"IHDR", b"IDAT", b"IEND"}


def test_names_change_with_the_benchmark(tmp_path: Path) -> None:
    items = closed_benchmark(tmp_path)
    others = [items[0].model_copy(update={"answer": "B"}), *items[1:]]
    assert not question_names(items).keys() & question_names(others).keys()


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("make", [closed_benchmark, open_benchmark])
def test_no_hash_that_is_written_undoes_a_name(tmp_path: Path, write: Write, make: Callable[[Path], list]) -> None:
    items = make(tmp_path)
    found = exportable(items, tmp_path)
    write(found, tmp_path / "out")
    words = set(re.findall(rb"[0-9a-f]{12,64}", b"\n".join(contents(tmp_path / "out").values())))
    salts = [word.decode() for word in words] + [benchmark_hash(items), ""]
    names = {one.name for one in found.questions} | set(found.pictures)
    for item in items:
        number = str(item.q_index) if isinstance(item, ClosedItem) else item.question_id
        key = (item.image_id, item.image_path, str(item.image_channel), str(item.image_slice))
        for salt in salts:
            for parts in (("exported question", salt, item.image_id, number), ("exported image", salt, *key)):
                assert store.sha256_text(*parts)[:20] not in {name[1:] for name in names}


def test_a_question_twice_is_refused(tmp_path: Path) -> None:
    items = closed_benchmark(tmp_path, images=1)
    with pytest.raises(InputError, match="twice"):
        exportable([*items, items[0]], tmp_path)


@pytest.mark.parametrize("target", TARGETS)
def test_missing_images_are_named_and_counted(tmp_path: Path, target: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, closed_benchmark(tmp_path))
    (tmp_path / FOLDER / f"{PATIENT}-1.png").unlink()
    (tmp_path / FOLDER / f"{PATIENT}-2.png").write_bytes(b"broken")
    arguments = ["export", target, str(path), "--root", str(tmp_path), "--out", str(tmp_path / "out"), "--json"]
    assert run(arguments) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["left_out"] == {"twin": 5, "missing_image": 6}
    assert json.loads(out)["questions"] == 9
    assert f"{PATIENT}-1.png" in err
    assert f"{PATIENT}-2.png" in err
    assert read_manifest(tmp_path / "out").left_out == {"twin": 5, "missing_image": 6}
    assert b"Smith" not in b"".join(contents(tmp_path / "out").values())


def test_no_image_no_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, closed_benchmark(tmp_path))
    (tmp_path / "empty").mkdir()
    arguments = ["export", "inspect", str(path), "--root", str(tmp_path / "empty"), "--out", str(tmp_path / "out")]
    assert run(arguments) == 3
    assert "error[NOTHING_TO_EXPORT]" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_image_of_another_extension_is_taken_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, closed_benchmark(tmp_path))
    old = tmp_path / FOLDER / f"{PATIENT}-1.png"
    old.rename(old.with_suffix(".PNG"))
    arguments = ["export", "inspect", str(path), "--root", str(tmp_path), "--out", str(tmp_path / "out")]
    assert run(arguments) == 0
    assert "another extension" in capsys.readouterr().err


def test_an_earlier_export_is_replaced(tmp_path: Path) -> None:
    items = closed_benchmark(tmp_path)
    write_inspect(exportable(items, tmp_path), tmp_path / "out")
    (tmp_path / "out" / "__pycache__").mkdir()
    write_vlmevalkit(exportable(items[:4], tmp_path), tmp_path / "out")
    assert read_manifest(tmp_path / "out").questions == 3
    assert not (tmp_path / "out" / "questions.jsonl").exists()
    assert [p.name for p in tmp_path.glob(".*")] == []


def test_what_lies_beside_an_earlier_export_is_not_lost(tmp_path: Path) -> None:
    items = closed_benchmark(tmp_path)
    write_inspect(exportable(items, tmp_path), tmp_path / "out")
    (tmp_path / "out" / "logs").mkdir()
    with pytest.raises(InputError, match="logs"):
        write_inspect(exportable(items, tmp_path), tmp_path / "out")
    assert (tmp_path / "out" / "logs").is_dir()


@pytest.mark.parametrize("content", ["{}", '{"entries": ["mine.txt"]}', "[]", "no JSON"])
def test_a_folder_that_is_no_export_is_left_alone(tmp_path: Path, content: str) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "mine.txt").write_text("a")
    found = exportable(closed_benchmark(tmp_path), tmp_path)
    for _ in range(2):
        with pytest.raises(InputError):
            write_inspect(found, mine)
        (mine / "export.json").write_text(content)
    assert (mine / "mine.txt").read_text() == "a"


def test_links_and_files_are_no_folders(tmp_path: Path) -> None:
    found = exportable(closed_benchmark(tmp_path), tmp_path)
    (tmp_path / "file").write_text("a")
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    for name in ("file", "link"):
        with pytest.raises(InputError, match="a file or a link"):
            write_inspect(found, tmp_path / name)


def test_a_failure_changes_nothing(tmp_path: Path) -> None:
    write_inspect(exportable(closed_benchmark(tmp_path), tmp_path), tmp_path / "out")
    before = contents(tmp_path / "out")
    with suppress(RuntimeError), exported_folder(tmp_path / "out") as folder:
        (folder / "half").write_text("a")
        raise RuntimeError
    assert contents(tmp_path / "out") == before
    assert [p.name for p in tmp_path.glob(".*")] == []


def test_a_changed_export_is_refused(tmp_path: Path) -> None:
    write_inspect(exportable(closed_benchmark(tmp_path), tmp_path), tmp_path / "out")
    questions = tmp_path / "out" / "questions.jsonl"
    found = read_questions(tmp_path / "out")
    questions.write_text("\n".join(questions.read_text().splitlines()[1:]))
    with pytest.raises(InputError, match="14 questions, and 15"):
        read_questions(tmp_path / "out")
    next((tmp_path / "out" / "images").iterdir()).unlink()
    with pytest.raises(InputError, match="No such file"):
        read_pictures(tmp_path / "out", found)


LONG_PATHS = ("x" * 300 + ".png", "a/" * 3000 + "b.png", "y" * 5000, "é" * 200 + ".jpg", "d/" + "z" * 256 + ".nii.gz")


@pytest.mark.parametrize("path", LONG_PATHS)
def test_a_path_that_no_file_can_have_is_a_missing_image(tmp_path: Path, path: str) -> None:
    items = closed_benchmark(tmp_path, images=2)
    found = exportable([item.model_copy(update={"image_path": path}) for item in items[:4]] + items[4:], tmp_path)
    assert [one.questions for one in found.missing] == [3]
    assert len(found.pictures) == 1


def test_a_path_out_of_the_root_is_a_missing_image(tmp_path: Path) -> None:
    root = tmp_path / "root"
    items = closed_benchmark(root, images=2)
    picture(tmp_path, 9)
    outside = f"../{FOLDER}/{PATIENT}-9.png"
    found = exportable([item.model_copy(update={"image_path": outside}) for item in items[:4]] + items[4:], root)
    assert [(one.code, one.questions) for one in found.missing] == [("PATH_OUTSIDE_ROOT", 3)]
    assert len(found.pictures) == 1
