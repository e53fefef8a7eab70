"""The commands of review, as a person calls them: a room from set-up to the reviewed benchmark, and what goes wrong."""

import json
import re
import signal
import subprocess
import sys
from collections import Counter
from http.client import HTTPConnection
from importlib import util
from pathlib import Path

import pytest

from closed_items import closed_item
from neuroonco import store
from neuroonco.build.interop import closed_document, read_closed
from neuroonco.build.records import ClosedItem
from neuroonco.catalog.records import MaskRef, SliceRecord
from neuroonco.cli import run
from neuroonco.cli.publishable import benchmark_of_folder
from neuroonco.review.outcome_records import ItemProvenance, LeftOut
from neuroonco.review.people import People
from neuroonco.review.room import Room
from neuroonco.review.room_records import Assignment, ItemStatus, Person, RejectReason, Role, Round
from neuroonco.viewer.serving import url_of
from neuroonco.vocabulary import MaskKind
from review_rooms import decide, fill

NO_REVIEW = util.find_spec("fastapi") is None


def call(capsys, *arguments):
    code = run([str(one) for one in arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return code, out, err


def refused(capsys, code, name, *arguments):
    found, out, err = call(capsys, *arguments)
    lines = [line for line in err.splitlines() if line.startswith("error[")]
    assert (found, len(lines)) == (code, 1), err
    assert lines[0].startswith(f"error[{name}]"), err
    assert out == ""


@pytest.fixture
def benchmark(tmp_path):
    path = tmp_path / "closed.parquet"
    items = [closed_item(f"i{n}", "ABCDE"[n % 5], q_index=q) for n in range(4) for q in range(2)]
    store.save(path, items, ClosedItem)
    return path


def set_up(capsys, benchmark, *more):
    room = benchmark.with_name("room.sqlite")
    code, out, err = call(capsys, "review", "import", benchmark, "--room", room, "--json", *more)
    assert code == 0, err
    return room, json.loads(out)


TWO = ("--reader", "Ann", "--reader", "Bob", "--adjudicator", "Chris")


# --- import ---


def test_import_sets_up_a_room_and_again_changes_nothing(benchmark, capsys):
    place, counts = set_up(capsys, benchmark, *TWO)
    assert counts == {
        **{"new": True, "questions": 8, "with_mask": 0, "with_notes": 0, "quarantined": 0},
        **{"people": 3, "assigned": 16, "unreadable": 0},
    }
    with Room(place) as room:
        before = room.settings()
        assert (before.rounds, before.proposed_shown) == (2, False)
        assert str(benchmark.parent) not in before.model_dump_json()
        decide(room, next(room.items()).key, "Ann", "A")
        events = list(room.events())
    _, counts = set_up(capsys, benchmark, *TWO, "--rounds", "1", "--show-proposed")
    assert (counts["new"], counts["assigned"]) == (False, 0)
    with Room(place) as room:
        assert (room.settings(), list(room.events())) == (before, events)


def test_a_room_says_which_of_its_settings_it_keeps(benchmark, capsys):
    place, _ = set_up(capsys, benchmark, *TWO)
    again = ("review", "import", benchmark, "--room", place)
    assert "keeps its settings" not in call(capsys, *again)[2]
    code, _, err = call(capsys, *again, "--rounds", "1", "--show-proposed", "--title", "Another")
    assert code == 0
    (line,) = [line for line in err.splitlines() if "keeps its settings" in line]
    assert "--rounds 1 (it has 2)" in line
    assert "--show-proposed (the benchmark's answers are hidden)" in line
    assert "--title 'Another' (it is 'Review of closed questions')" in line
    new = benchmark.with_name("new.sqlite")
    code, _, err = call(capsys, "review", "import", benchmark, "--room", new, "--rounds", "1")
    assert (code, "keeps" in err) == (0, False)
    assert "--rounds 2 (it has 1)" in call(capsys, "review", "import", benchmark, "--room", new)[2]


def test_a_reader_who_comes_later_gets_what_has_too_few(benchmark, capsys):
    place, counts = set_up(capsys, benchmark, "--reader", "Ann")
    assert counts["assigned"] == 8
    _, counts = set_up(capsys, benchmark, "--reader", "Ann", "--reader", "Bob")
    assert (counts["new"], counts["people"], counts["assigned"]) == (False, 2, 8)
    _, counts = set_up(capsys, benchmark, "--reader", "Eve")
    assert counts["assigned"] == 0
    with Room(place) as room:
        assert {(one.key, one.reader) for one in room.assignments()} == {
            (item.key, reader) for item in room.items() for reader in ("Ann", "Bob")
        }


def test_per_item_and_seed_draw_the_readers(benchmark, tmp_path, capsys):
    drawn = []
    for n, seed in enumerate((1, 1, 2)):
        place = tmp_path / f"{n}.sqlite"
        arguments = ("--room", place, *TWO, "--reader", "Dora", "--per-item", "1", "--seed", str(seed))
        assert call(capsys, "review", "import", benchmark, *arguments)[0] == 0
        with Room(place) as room:
            drawn.append(room.assignments())
    assert len(drawn[0]) == 8
    assert drawn[0] == drawn[1] != drawn[2]


def test_outlines_come_from_a_file_of_slices(benchmark, tmp_path, capsys):
    mask = MaskRef(path="masks/a.png", kind=MaskKind.BINARY)
    common = {"sample_id": "x", "source_id": "01", "image_path": "a.png", "image_sha256": ""}
    sizes = dict.fromkeys(("height_px", "width_px", "channels", "bit_depth"), 1)
    records = [SliceRecord(slice_id="si1", mask=mask, **common, **sizes)]
    store.save(tmp_path / "slices.parquet", records, SliceRecord)
    place, counts = set_up(capsys, benchmark, *TWO, "--labels", tmp_path / "slices.parquet")
    assert counts["with_mask"] == 2
    with Room(place) as room:
        assert {one.item.image_id for one in room.items() if one.mask == mask} == {"i1"}


def test_unreadable_and_unusable_questions_are_named_and_the_rest_comes_in(tmp_path, capsys):
    items = [closed_item("a", "A"), closed_item("b", "A"), closed_item("b", "B"), closed_item("c", "F")]
    store.save(tmp_path / "b.jsonl", items, ClosedItem)
    with (tmp_path / "b.jsonl").open("a") as file:
        file.write('{"image_id": 1}\n')
    code, out, err = call(capsys, "review", "import", tmp_path / "b.jsonl", "--room", tmp_path / "r", *TWO, "--json")
    assert code == 1
    assert (json.loads(out)["questions"], json.loads(out)["quarantined"], json.loads(out)["unreadable"]) == (1, 3, 1)
    assert err.count("quarantined[QUESTION_TWICE]") == 2
    assert "quarantined[ANSWER_NOT_OFFERED]" in err
    assert "unreadable[FIELD_" in err


def test_the_reference_format_comes_in(tmp_path, capsys):
    store.write_json(tmp_path / "b.json", closed_document([closed_item("1", "A"), closed_item("2", "B")]))
    _, counts = set_up(capsys, tmp_path / "b.json", *TWO)
    assert counts["questions"] == 2


@pytest.mark.parametrize(
    ("more", "code", "name"),
    [
        (("--reader", "Ann", "--reader", "Ann"), 2, "PERSON_TWICE"),
        (("--reader", "Ann", "--adjudicator", "Ann"), 2, "PERSON_TWICE"),
        (("--reader", "<b>"), 2, "NAME_INVALID"),
        (("--reader", "Ann", "--adjudicator", "ANN"), 2, "NAME_INVALID"),
        (("--reader", "Ann", "--per-item", "2"), 2, "READERS_TOO_FEW"),
        (("--reader", "Ann", "--run", "no"), 3, "RUN_MISSING"),
        (("--run", "no", "--labels", "no"), 2, "RUN_OR_LABELS"),
        (("--labels", "no.jsonl"), 3, "FILE_MISSING"),
        (("--title", " "), 2, "TITLE_INVALID"),
        (("--rounds", "3"), 2, "USAGE"),
    ],
)
def test_what_import_refuses(benchmark, capsys, monkeypatch, more, code, name):
    monkeypatch.chdir(benchmark.parent)
    refused(capsys, code, name, "review", "import", benchmark, "--room", "r.sqlite", *more)


def test_import_never_fills_what_is_not_its_room(benchmark, tmp_path, capsys):
    place, _ = set_up(capsys, benchmark, *TWO)
    other = tmp_path / "other.jsonl"
    store.save(other, [closed_item("z", "A")], ClosedItem)
    refused(capsys, 3, "ROOM_TAKEN", "review", "import", other, "--room", place)
    (tmp_path / "text.sqlite").write_text("not a database, and long enough to be taken for one" * 30)
    refused(capsys, 3, "ROOM_DAMAGED", "review", "import", benchmark, "--room", tmp_path / "text.sqlite")
    (tmp_path / "folder").mkdir()
    for more in ((), ("--reader", "Ann"), ("--rounds", "1")):
        refused(
            capsys, 3, "NOT_A_ROOM_FOLDER", "review", "import", tmp_path / "folder", "--room", tmp_path / "x", *more
        )
    assert not (tmp_path / "x").exists()


# --- to the end and back ---


def judged(tmp_path):
    room, root = fill(tmp_path, 8, rounds=1)
    with room:
        items = list(room.items())
        for entry, said in zip(items[:6], ("own", "own", "change", "reject", "dispute", "one"), strict=True):
            letters = [o.letter for o in entry.item.options]
            other = next(letter for letter in letters if letter != entry.item.answer)
            for reader in ("ann", "bob")[: 1 if said == "one" else 2]:
                reason = RejectReason.POOR_IMAGE if said == "reject" else None
                is_other = said == "change" or (said == "dispute" and reader == "bob")
                letter = other if is_other else entry.item.answer
                decide(room, entry.key, reader, None if reason else letter, reason=reason, elapsed_s=2.0)
    return tmp_path / "room.sqlite", root


def test_export_import_export(tmp_path, capsys):
    place, _ = judged(tmp_path)
    code, out, _ = call(capsys, "review", "export", place, "--out", tmp_path / "out", "--json")
    assert code == 0
    counts = json.loads(out)
    assert {name: counts[name] for name in ("questions", "kept", "answers_changed", "rejected", "pending")} == {
        **{"questions": 8, "kept": 3, "answers_changed": 1, "rejected": 1, "pending": 4}
    }
    assert call(capsys, "review", "import", tmp_path / "out", "--room", tmp_path / "again.sqlite")[0] == 0
    assert call(capsys, "review", "export", tmp_path / "again.sqlite", "--out", tmp_path / "out2")[0] == 0
    first, second = ({p.name: p.read_bytes() for p in (tmp_path / n).iterdir()} for n in ("out", "out2"))
    assert first == second
    assert len(store.load_strict(tmp_path / "out" / "provenance.jsonl", ItemProvenance)) == 8
    pending = store.load_strict(tmp_path / "out" / "pending.jsonl", LeftOut)
    assert {row.status for row in pending} == {ItemStatus.DISPUTED, ItemStatus.FIRST_ROUND}
    refused(capsys, 3, "OUT_NOT_EMPTY", "review", "export", place, "--out", tmp_path / "out")
    code, out, _ = call(
        capsys, "review", "export", place, "--out", tmp_path / "all", "--include-pending", "--pseudonyms", "--json"
    )
    assert (code, json.loads(out)["kept"], json.loads(out)["pending"]) == (0, 7, 4)
    everything = b"".join(p.read_bytes() for p in (tmp_path / "all").iterdir() if p.suffix == ".jsonl")
    assert b'"ann"' not in everything
    assert b"Reader 1" in everything
    refused(capsys, 2, "ROOM_HAS_THEM", "review", "import", tmp_path / "out", "--room", "x", "--reader", "Z")


def test_the_export_is_a_benchmark_for_the_other_commands(tmp_path, capsys):
    place, root = judged(tmp_path)
    assert call(capsys, "review", "export", place, "--out", tmp_path / "out")[0] == 0
    closed, opened, pairs = benchmark_of_folder(tmp_path / "out")
    assert (len(closed), opened, pairs) == (3, [], [])
    for name in ("closed.parquet", "benchmark_closed.json"):
        code, out, err = call(capsys, "check", "benchmark", tmp_path / "out" / name, "--json")
        assert code in (0, 1), err
        assert json.loads(out)["questions"] == 3
        predictions = tmp_path / f"{name}.jsonl"
        code, _, err = call(
            *(capsys, "predict", tmp_path / "out" / name, "--root", root, "--model", "always-e", "--out", predictions)
        )
        assert code == 0, err
        code, out, err = call(capsys, "score", tmp_path / "out" / name, predictions, "--json")
        assert (code, json.loads(out)["accuracy"]["n"]) == (0, 3), err


def test_decisions_of_a_room_apply_to_the_file_that_it_was_made_from(tmp_path, capsys):
    place, _ = judged(tmp_path)
    with Room(place) as room:
        store.save(tmp_path / "b.parquet", [entry.item for entry in room.items()], ClosedItem)
    assert call(capsys, "review", "export", place, "--out", tmp_path / "out")[0] == 0
    decisions, out = tmp_path / "out" / "decisions.jsonl", tmp_path / "applied.parquet"
    code, text, _ = call(capsys, "review", "apply", tmp_path / "b.parquet", decisions, "--out", out, "--json")
    counts = json.loads(text)
    assert (code, counts["kept"], counts["unreviewed"], counts["quarantined"]) == (0, 7, 4, 0)
    assert counts["dropped_by_reason"] == {"review_rejected": 1}
    changed = {i.image_id: i for i in read_closed(out).records if i.label_source == "review"}
    assert len(changed) == 1


# --- invite, status, agreement ---


def test_invite_prints_a_token_once_that_lets_one_person_in(benchmark, capsys):
    place, _ = set_up(capsys, benchmark, *TWO)
    code, first, err = call(capsys, "review", "invite", place, "Ann")
    assert (code, first.strip() in err) == (0, False)
    code, link, err = call(capsys, "review", "invite", place, "Ann", "--address", "http://localhost:8765/")
    assert link.startswith("http://localhost:8765/sign-in#")
    token = link.strip().partition("#")[2]
    data = b"".join(path.read_bytes() for path in place.parent.glob("room.sqlite*"))
    assert token.encode() not in data
    with Room(place) as room:
        assert People(room).enter(first.strip()) is None
        person, _ = People(room).enter(token)
        assert person.name == "Ann"
    assert call(capsys, "review", "invite", place, "Ann", "--revoke")[:2] == (0, "")
    with Room(place) as room:
        assert People(room).enter(token) is None
        assert not People(room).any_token()


def test_invite_enrolls_and_assigns(benchmark, capsys):
    place, _ = set_up(capsys, benchmark, "--reader", "Ann")
    assert call(capsys, "review", "invite", place, "Dora", "--assign", "3")[0] == 0
    assert call(capsys, "review", "invite", place, "Finn", "--role", "adjudicator")[0] == 0
    assert call(capsys, "review", "invite", place, "Dora", "--assign", "all")[0] == 0
    assert call(capsys, "review", "invite", place, "Finn")[0] == 0
    with Room(place) as room:
        assert {one.name: one.role for one in room.people()} == {
            **{"Ann": Role.READER, "Dora": Role.READER, "Finn": Role.ADJUDICATOR}
        }
        assert sum(one.reader == "Dora" for one in room.assignments()) == 8


def agreed_keys(place):
    with Room(place) as room:
        return set(room.keys_in(ItemStatus.AGREED))


def test_a_number_of_questions_opens_none_that_is_agreed(benchmark, capsys):
    place, _ = set_up(capsys, benchmark, *TWO)
    with Room(place) as room:
        for item in list(room.items())[:6]:
            decide(room, item.key, "Ann", "A")
            decide(room, item.key, "Bob", "A")
    before = agreed_keys(place)
    assert len(before) == 6
    code, _, err = call(capsys, "review", "invite", place, "Zed", "--assign", "5")
    assert (code, "2 questions assigned to Zed" in err, "open again" in err) == (0, True, False)
    assert "--assign all takes agreed ones too" in err
    assert agreed_keys(place) == before
    code, _, err = call(capsys, "review", "invite", place, "Yan", "--assign", "1")
    assert "1 question assigned to Yan" in err
    assert "--assign all" not in err
    code, _, err = call(capsys, "review", "invite", place, "Zed", "--assign", "all")
    assert (code, "6 questions assigned to Zed" in err) == (0, True)
    assert "6 of them were agreed and are open again" in err
    assert agreed_keys(place) == set()


def test_an_earlier_invitation_ends_only_where_there_was_one(benchmark, capsys):
    place, _ = set_up(capsys, benchmark, *TWO)
    said = []
    for name in ("Ann", "Ann", "Dora", "Dora"):
        said.append("earlier invitation" in call(capsys, "review", "invite", place, name)[2])
    call(capsys, "review", "invite", place, "Ann", "--revoke")
    said.append("earlier invitation" in call(capsys, "review", "invite", place, "Ann")[2])
    assert said == [False, True, False, True, False]


@pytest.mark.parametrize(
    ("arguments", "code", "name"),
    [
        (("Ann", "--assign", "none"), 2, "ASSIGN_INVALID"),
        (("Ann", "--assign", "0"), 2, "ASSIGN_INVALID"),
        (("Ann", "--assign", "-1"), 2, "ASSIGN_INVALID"),
        (("Chris", "--assign", "1"), 2, "ADJUDICATOR_READS"),
        (("Ann", "--role", "adjudicator"), 3, "ROLE_FIXED"),
        (("<script>",), 2, "NAME_INVALID"),
        (("ANN",), 2, "NAME_INVALID"),
        (("Nobody", "--revoke"), 2, "PERSON_UNKNOWN"),
        (("Ann", "--revoke", "--assign", "all"), 2, "REVOKE_ALONE"),
        (("Ann", "--address", "javascript:alert(1)"), 2, "ADDRESS_INVALID"),
        (("Ann", "--address", "http://a/b?c"), 2, "ADDRESS_INVALID"),
        (("Ann", "--address", "http://u:p@a"), 2, "ADDRESS_INVALID"),
        (("Ann", "--address", "http://a:99999"), 2, "ADDRESS_INVALID"),
    ],
)
def test_what_invite_refuses(benchmark, capsys, arguments, code, name):
    place, _ = set_up(capsys, benchmark, *TWO)
    refused(capsys, code, name, "review", "invite", place, *arguments)
    with Room(place) as room:
        assert not People(room).any_token()


def test_status(tmp_path, capsys):
    place, _ = judged(tmp_path)
    code, out, _ = call(capsys, "review", "status", place, "--json")
    document = json.loads(out)
    assert code == 0
    assert document["statuses"]["disputed"] == 1
    assert document["statuses"]["agreed"] == 4
    done = {(row["person"], row["round"]): (row["done"], row["total"]) for row in document["rounds"]}
    assert done["ann", Round.FIRST.value] == (6, 8)
    assert done["bob", Round.FIRST.value] == (5, 8)
    assert {row["person"]: row["invited"] for row in document["people"]} == dict.fromkeys(
        ("ann", "bob", "chris"), False
    )
    code, out, _ = call(capsys, "review", "status", place)
    assert code == 0
    assert "8 questions" in out
    assert "disputed" in out


@pytest.mark.skipif(NO_REVIEW, reason="needs the extra review")
def test_agreement(tmp_path, capsys):
    place, _ = judged(tmp_path)
    code, out, _ = call(capsys, "review", "agreement", place, "--resamples", "100", "--json")
    assert code == 0
    assert json.loads(out)["pooled"]["questions"] == 6
    code, out, _ = call(capsys, "review", "agreement", place, "--resamples", "100")
    assert code == 0
    assert "ann and bob" in " ".join(out.split())


@pytest.mark.skipif(NO_REVIEW, reason="needs the extra review")
def test_agreement_breaks_no_word_in_a_terminal_of_80_columns(tmp_path, capsys, monkeypatch):
    room, _ = fill(tmp_path, 60, rounds=1)
    with room:
        people = [Person(name=name) for name in ("Dr. Alexandra Example", "Christopher O'Neill")]
        items = list(room.items())
        more = [Assignment(key=item.key, reader=one.name) for item in items for one in people]
        room.set_up(room.settings(), items, people, more)
        for n, item in enumerate(items):
            for k, reader in enumerate(["ann", "bob", *(one.name for one in people)]):
                decide(room, item.key, reader, "A" if n % (k + 2) else "B")
    words = {}
    for columns in (80, 500):
        monkeypatch.setenv("COLUMNS", str(columns))
        code, out, _ = call(capsys, "review", "agreement", tmp_path / "room.sqlite", "--resamples", "100")
        assert code == 0
        words[columns] = Counter(re.findall(r"[^\s│┃━─┼╇╈]+", out))
        grids = [line for line in out.splitlines() if re.search("[│┃┼╇]", line)]
        assert len(grids) > 50
        assert columns > 80 or max(map(len, grids)) <= 80
    assert words[80] == words[500]
    assert "diagnosis_binary" not in words[80]


@pytest.mark.parametrize("command", ["status", "agreement", "export", "invite", "serve"])
def test_there_has_to_be_a_room(tmp_path, capsys, command):
    more = {"export": ("--out", tmp_path / "o"), "invite": ("Ann",), "serve": ("--root", tmp_path)}.get(command, ())
    refused(capsys, 3, "ROOM_MISSING", "review", command, tmp_path / "none.sqlite", *more)
    assert not (tmp_path / "none.sqlite").exists()
    assert not (tmp_path / "o").exists()


# --- Label Studio ---


def test_label_studio_out_and_in(tmp_path, capsys):
    place, root = judged(tmp_path)
    tasks, config, pictures = tmp_path / "tasks.json", tmp_path / "c.xml", tmp_path / "p"
    code, out, _ = call(
        *(capsys, "review", "label-studio", "export", place, "--out", tasks, "--config", config),
        *("--pictures", pictures, "--root", root, "--user", "a@example.org=ann", "--json"),
    )
    assert (code, json.loads(out)) == (0, {"tasks": 8, "annotations": 11, "without_picture": 0})
    assert config.read_text().startswith("<!--")
    assert len(list(pictures.iterdir())) == 8
    ask = (capsys, "review", "label-studio", "import", place, tasks, "--json")
    code, out, err = call(*ask)
    assert (code, json.loads(out)["unchanged"], json.loads(out)["quarantined"]) == (1, 5, 6)
    lines = [line for line in err.splitlines() if "a@example.org" in line]
    assert len(lines) == 1
    assert "6 annotations" in lines[0]
    code, out, _ = call(*ask, "--user", "a@example.org=ann")
    assert (code, json.loads(out)["unchanged"], json.loads(out)["saved"]) == (0, 11, 0)
    code, out, _ = call(capsys, "review", "label-studio", "export", place, "--out", tasks, "--blind", "--json")
    assert (code, json.loads(out)["annotations"]) == (0, 0)


@pytest.mark.parametrize(
    ("arguments", "code", "name"),
    [
        (("export", "ROOM", "--out", "t.jsonl"), 2, "FORMAT_UNKNOWN"),
        (("export", "ROOM", "--out", "t.json", "--pictures", "p"), 2, "ROOT_NEEDED"),
        (("export", "ROOM", "--out", "t.json", "--user", "ann"), 2, "USER_INVALID"),
        (("export", "ROOM", "--out", "t.json", "--user", "1=chris"), 2, "READER_UNKNOWN"),
        (("export", "ROOM", "--out", "t.json", "--user", "1=ann", "--user", "1=bob"), 2, "USER_TWICE"),
        (("import", "ROOM", "none.json"), 3, "FILE_MISSING"),
        (("import", "ROOM", "object.json"), 3, "JSON_NOT_A_LIST"),
        (("import", "ROOM", "deep.json"), 3, "JSON_TOO_DEEP"),
        (("import", "ROOM", "latin.json"), 3, "ENCODING"),
    ],
)
def test_what_label_studio_commands_refuse(tmp_path, capsys, monkeypatch, arguments, code, name):
    monkeypatch.chdir(tmp_path)
    fill(tmp_path, 2)[0].close()
    (tmp_path / "object.json").write_text("{}")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "latin.json").write_bytes(b'["\xff"]')
    named = ["room.sqlite" if one == "ROOM" else one for one in arguments]
    refused(capsys, code, name, "review", "label-studio", *named)
    assert not (tmp_path / "t.json").exists()


# --- serve ---


@pytest.fixture
def serving_nothing(monkeypatch):
    """The server says that it is ready, and ends."""
    monkeypatch.setattr("neuroonco.viewer.serving.serve", lambda _app, sock, *, ready: ready(url_of(sock)))


@pytest.mark.skipif(NO_REVIEW, reason="needs the extra review")
@pytest.mark.usefixtures("serving_nothing")
def test_serve_looks_for_the_pictures_first(tmp_path, capsys):
    room, root = fill(tmp_path, 6)
    room.close()
    ask = ("review", "serve", tmp_path / "room.sqlite", "--port", "0", "--root")
    code, out, err = call(capsys, *ask, root)
    assert (code, out.startswith("http://127.0.0.1:"), "missing" in err) == (0, True, False)
    pictures = sorted(path for path in root.rglob("slice_*.png") if path.parent.name != "masks")
    assert len(pictures) == 3
    pictures[0].unlink()
    code, out, err = call(capsys, *ask, root)
    assert (code, "1 of the 3 files of the room's questions are missing" in err) == (0, True)
    assert out.startswith("http://127.0.0.1:")
    code, out, err = call(capsys, *ask, tmp_path)
    assert (code, out) == (3, "")
    assert err.startswith("error[PICTURES_MISSING]: none of the 3 files")
    assert "pass the folder to which the benchmark's image paths are relative" in err


@pytest.mark.skipif(NO_REVIEW, reason="needs the extra review")
@pytest.mark.usefixtures("serving_nothing")
def test_serve_says_every_address(tmp_path, capsys):
    room, root = fill(tmp_path, 2)
    with room:
        People(room).invite("ann")
    ask = ("review", "serve", tmp_path / "room.sqlite", "--root", root, "--port", "0", "--host", "0.0.0.0")  # noqa: S104
    code, out, _ = call(capsys, *ask, "--name", "Review.example.org", "--name", "room.example.org:8443")
    own, *named = out.split()
    port = own.removeprefix("http://127.0.0.1:").rstrip("/")
    assert (code, named) == (0, [f"http://review.example.org:{port}/", "http://room.example.org:8443/"])


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (("review", "serve", "room.sqlite"), "neuroonco review serve"),
        (("review", "label-studio", "export", "room.sqlite"), "neuroonco review label-studio export"),
        (("review", "none"), "neuroonco review"),
        (("none", "serve"), "neuroonco"),
        (("measure",), "neuroonco measure"),
    ],
)
def test_a_usage_error_points_to_the_help_of_the_command(capsys, arguments, command):
    code, _, err = call(capsys, *arguments)
    assert code == 2
    assert err.rstrip().endswith(f"; fix: {command} --help")


@pytest.mark.skipif(NO_REVIEW, reason="needs the extra review")
def test_serve_lets_nobody_in_from_elsewhere_without_invitations(tmp_path, capsys):
    fill(tmp_path, 2)[0].close()
    ask = ("review", "serve", tmp_path / "room.sqlite", "--root", tmp_path, "--port", "0")
    refused(capsys, 2, "ADDRESS_NEEDS_TOKENS", *ask, "--host", "0.0.0.0")  # noqa: S104
    refused(capsys, 2, "ADDRESS_NEEDS_TOKENS", *ask, "--host", "example.org")
    refused(capsys, 2, "TOKENS_NEEDED", *ask, "--name", "room.example.org")
    refused(capsys, 2, "HOST_NAME", *ask, "--name", "a b")
    refused(capsys, 3, "ROOT_MISSING", "review", "serve", tmp_path / "room.sqlite", "--root", tmp_path / "none")


@pytest.mark.skipif(NO_REVIEW, reason="needs the extra review")
def test_serve_answers_and_ends_cleanly(tmp_path):
    fill(tmp_path, 2)[0].close()
    command = [sys.executable, "-m", "neuroonco", "review", "serve", "room.sqlite", "--root", "images", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            url = server.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:"), server.stderr.read()
            host, port = url.removeprefix("http://").rstrip("/").split(":")
            connection = HTTPConnection(host, int(port), timeout=30)
            connection.request("GET", "/healthz")
            assert connection.getresponse().status == 200
            connection.close()
            server.send_signal(signal.SIGINT)
            _, err = server.communicate(timeout=60)
        finally:
            server.kill()
    assert server.returncode == 0, err
    assert "Traceback" not in err


def test_serve_without_the_extra_says_what_to_install(tmp_path, capsys, monkeypatch):
    fill(tmp_path, 2)[0].close()
    monkeypatch.setattr("neuroonco.viewer.serving.find_spec", lambda _: None)
    refused(capsys, 4, "EXTRA_MISSING", "review", "serve", tmp_path / "room.sqlite", "--root", tmp_path)


# --- the file-based way ---


def test_the_sheet_is_blind(benchmark, capsys, tmp_path):
    assert call(capsys, "review", "sheet", benchmark, "--out", tmp_path / "sheet.jsonl")[0] == 0
    rows = [json.loads(line) for line in Path(tmp_path / "sheet.jsonl").read_text().splitlines()]
    assert len(rows) == 8
    assert all(set(row) == {"item", "question", "options"} for row in rows)
