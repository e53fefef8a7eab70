"""A room out and in again: the same bytes and state, with and without names; what was tampered with is refused."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroonco import store
from neuroonco.build.interop import read_closed
from neuroonco.errors import InputError
from neuroonco.review.export import write_export
from neuroonco.review.export_folder import exported_to
from neuroonco.review.outcome import outcome_of
from neuroonco.review.people import People
from neuroonco.review.room import Room
from neuroonco.review.room_files import EVENTS_FILE, ITEMS_FILE, ROOM_FILE, content_of, read_room, with_pseudonyms
from neuroonco.review.room_records import EventKind, RejectReason, Role, Round
from review_rooms import ADJUDICATOR, decide, fill

MOVES = ("A", "B", "unanswerable", "reject", "undo", "mask", "stale", "second", "adjudicate", "wording")


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def export(room: Room, out: Path, *, pseudonyms: bool = False) -> dict[str, bytes]:
    content = content_of(room)
    if pseudonyms:
        content = with_pseudonyms(content)
    with exported_to(out) as folder:
        write_export(folder, content, outcome_of(content))
    return files_of(out)


def restore(folder: Path, place: Path) -> Room:
    content = read_room(folder)
    room = Room(place, create=True)
    assert room.set_up(content.settings, content.items, content.people, content.assignments, content.events)
    return room


def act(room: Room, moves: list[tuple[int, str, str]]) -> None:
    """Do what can be done; what a room refuses is no move."""
    keys = [item.key for item in room.items()]
    for n, (number, reader, move) in enumerate(moves):
        key, save_id = keys[number % len(keys)], f"{move}-{n}"
        try:
            if move == "undo":
                lane = room.lane(key, reader, Round.FIRST)
                room.undo(key, reader, Round.FIRST, based_on=lane.version if lane else 0, save_id=save_id)
            elif move == "mask":
                room.note_shown(key, reader, Round.FIRST, EventKind.MASK_SHOWN)
            elif move == "adjudicate":
                decide(room, key, ADJUDICATOR, "A", round=Round.ADJUDICATION, save_id=save_id, comment="so")
            elif move == "second":
                decide(room, key, reader, "A", round=Round.SECOND, save_id=save_id)
            elif move == "stale":
                decide(room, key, reader, "B", based_on=99, save_id=save_id)
            elif move == "unanswerable":
                decide(room, key, reader, unanswerable=True, save_id=save_id)
            elif move == "reject":
                decide(room, key, reader, reason=RejectReason.OTHER, comment="Grüße <b>\n2", save_id=save_id)
            elif move == "wording":
                decide(room, key, reader, "A", new_question="Ist das ein Tumor?", save_id=save_id, elapsed_s=0.1)
            else:
                decide(room, key, reader, move, save_id=save_id, elapsed_s=1.5)
        except InputError as error:
            if error.code not in ("LANE_MISSING", "NOTHING_TO_UNDO"):
                raise


@settings(max_examples=12)
@given(
    moves=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(("ann", "bob")), st.sampled_from(MOVES)), max_size=25),
    pseudonyms=st.booleans(),
)
def test_a_restored_room_exports_the_same_bytes(tmp_path_factory, moves, pseudonyms):
    folder = tmp_path_factory.mktemp("round")
    room, _ = fill(folder, 4)
    with room:
        act(room, moves)
        first = export(room, folder / "first", pseudonyms=pseudonyms)
        states = [] if pseudonyms else list(room.states())
    with restore(folder / "first", folder / "again.sqlite") as again:
        second = export(again, folder / "second", pseudonyms=pseudonyms)
        if not pseudonyms:
            assert list(again.states()) == states
    assert first == second


def test_a_restored_room_goes_on(tmp_path):
    room, _ = fill(tmp_path, 2)
    with room:
        key = next(room.items()).key
        decide(room, key, "ann", "A")
        export(room, tmp_path / "out")
    with restore(tmp_path / "out", tmp_path / "again.sqlite") as again:
        saved = decide(again, key, "ann", "B", save_id="new")
        assert (saved.outcome.value, saved.event.seq, saved.lane.version) == ("saved", 2, 2)


def test_pseudonyms_leave_no_name_and_no_guessable_order(tmp_path):
    room, _ = fill(tmp_path, 6)
    with room:
        act(room, [(n, reader, "A") for n in range(6) for reader in ("ann", "bob")])
        act(room, [(0, "ann", "adjudicate")])
        content = content_of(room)
        out = export(room, tmp_path / "out", pseudonyms=True)
    for name, data in out.items():
        if not name.endswith(".parquet"):
            words = set(data.decode().replace('"', " ").replace("-", " ").split())
            assert not words & {"ann", "bob", "chris"}, name
    assert {one.name for one in read_room(tmp_path / "out").people} == {"Reader 1", "Reader 2", "Adjudicator 1"}
    drawn = {with_pseudonyms(content, random.Random(seed).shuffle).events[0].reader for seed in range(20)}
    assert drawn == {"Reader 1", "Reader 2"}
    named = with_pseudonyms(content, random.Random(0).shuffle)
    assert with_pseudonyms(named) == named


def test_tokens_are_in_no_file_and_paths_are_relative(tmp_path):
    room, root = fill(tmp_path, 4)
    with room:
        people = People(room)
        people.enroll("Dora", Role.READER)
        token = people.invite("Dora")
        out = export(room, tmp_path / "out")
    everything = b"".join(out.values())
    assert token.encode() not in everything
    assert store.sha256_text(token).encode() not in everything
    assert str(tmp_path).encode() not in everything
    assert all(not one.has_token for one in read_room(tmp_path / "out").people)
    assert root.is_dir()


def test_the_folder_reads_as_a_benchmark(tmp_path):
    room, _ = fill(tmp_path, 6, rounds=1)
    with room:
        act(room, [(n, reader, "A") for n in range(5) for reader in ("ann", "bob")])
        export(room, tmp_path / "out")
    out = tmp_path / "out"
    closed = read_closed(out / "closed.parquet")
    assert (len(closed.records), closed.unreadable) == (5, [])
    reference = read_closed(out / "benchmark_closed.json")
    assert [(i.image_id, i.q_index, i.answer) for i in reference.records] == [
        (i.image_id, i.q_index, i.answer) for i in closed.records
    ]
    summary = json.loads((out / "benchmark.json").read_text())
    assert summary["files"] == {
        path.name: store.sha256_file(path) for path in out.iterdir() if path.name != "benchmark.json"
    }


def test_nothing_else_is_overwritten_and_a_failure_leaves_nothing(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("x")
    with pytest.raises(InputError, match="OUT_NOT_EMPTY"), exported_to(out):
        pass
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "link"):
        with pytest.raises(InputError, match="OUT_NOT_A_FOLDER"), exported_to(tmp_path / name):
            pass
    with pytest.raises(InputError, match="CANNOT_WRITE"), exported_to(tmp_path / "new") as folder:
        folder.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link", "out"]


def come_first(place):
    place.mkdir()
    (place / "theirs.txt").write_text("x")


def test_who_comes_meanwhile_keeps_the_place(tmp_path):
    with pytest.raises(InputError, match="CANNOT_WRITE"), exported_to(tmp_path / "late"):
        come_first(tmp_path / "late")
    assert [path.name for path in tmp_path.iterdir()] == ["late"]
    assert (tmp_path / "late" / "theirs.txt").exists()


def rewritten(out: Path, name: str, change) -> None:
    """Change a file of an export and its hash: what somebody does who knows the format."""
    path = out / name
    path.write_text(change(path.read_text()))
    about = json.loads((out / ROOM_FILE).read_text())
    about["files"][name] = store.sha256_file(path)
    (out / ROOM_FILE).write_text(json.dumps(about))


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        (ITEMS_FILE, lambda t: t.replace("glioma/slice_0.png", "../slice_0.png"), "PATH_OUTSIDE_ROOT"),
        (ITEMS_FILE, lambda t: t.replace("glioma/slice_0.png", "/etc/passwd"), "PATH_OUTSIDE_ROOT"),
        (ITEMS_FILE, lambda t: t.replace("masks/slice_0.png", "../../m.png"), "PATH_OUTSIDE_ROOT"),
        (ITEMS_FILE, lambda t: t.replace('"q_index":0', '"q_index":7'), "ITEM_KEY_INVALID"),
        (ITEMS_FILE, lambda t: t + t, "ITEM_TWICE"),
        (ITEMS_FILE, lambda t: t.replace('"q_index":0', '"q_index":"x"'), "FIELD_INVALID"),
        (ITEMS_FILE, lambda _: "[" * 100_000, "JSON_TOO_DEEP"),
        (EVENTS_FILE, lambda t: t.replace('"version":1', '"version":5'), "EVENT_INVALID"),
        (EVENTS_FILE, lambda t: t.replace('"verdict":"accept"', '"verdict":"change"'), "EVENT_INVALID"),
        (EVENTS_FILE, lambda t: t.replace('"reader":"ann"', '"reader":"eve"'), "EVENT_INVALID"),
        (EVENTS_FILE, lambda t: t.replace('"elapsed_s":1.5', '"elapsed_s":-1'), "FIELD_INVALID"),
        ("people.jsonl", lambda t: t.replace("chris", "<script>"), "FIELD_INVALID"),
        ("people.jsonl", lambda t: t.replace("chris", "ANN"), "NAME_INVALID"),
        ("assignments.jsonl", lambda t: t.replace('"reader":"bob"', '"reader":"chris"'), "ASSIGNMENT_UNKNOWN"),
    ],
)
def test_files_that_were_tampered_with_make_no_room(tmp_path, name, change, code):
    room, _ = fill(tmp_path, 2)
    with room:
        item = next(room.items())
        decide(room, item.key, "ann", item.item.answer, elapsed_s=1.5)
        export(room, tmp_path / "out")
    rewritten(tmp_path / "out", name, change)
    with pytest.raises(InputError, match=code):
        restore(tmp_path / "out", tmp_path / "again.sqlite").close()


@pytest.mark.parametrize(
    ("break_it", "code"),
    [
        (lambda out: (out / EVENTS_FILE).unlink(), "FILE_MISSING"),
        (lambda out: (out / EVENTS_FILE).write_text("\n\n"), "ROOM_FILES_CHANGED"),
        (lambda out: (out / ROOM_FILE).write_text('{"layout": 1}'), "ROOM_FILES_BROKEN"),
        (lambda out: (out / ROOM_FILE).write_text("[]"), "ROOM_FILES_BROKEN"),
        (lambda out: (out / ROOM_FILE).write_text("{"), "JSON_BROKEN"),
    ],
)
def test_half_an_export_is_refused(tmp_path, break_it, code):
    room, _ = fill(tmp_path, 2)
    with room:
        export(room, tmp_path / "out")
    break_it(tmp_path / "out")
    with pytest.raises(InputError, match=code):
        read_room(tmp_path / "out")


def test_a_newer_layout_is_refused(tmp_path):
    room, _ = fill(tmp_path, 2)
    with room:
        export(room, tmp_path / "out")
    about = json.loads((tmp_path / "out" / ROOM_FILE).read_text())
    (tmp_path / "out" / ROOM_FILE).write_text(json.dumps(about | {"layout": 2}))
    with pytest.raises(InputError, match="ROOM_FILES_NEWER"):
        read_room(tmp_path / "out")
