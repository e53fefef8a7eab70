"""Tasks for Label Studio and annotations from it: the same judgements come back, and nothing is guessed."""

import json
from io import BytesIO
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from neuroonco.build.records import ClosedItem
from neuroonco.errors import InputError
from neuroonco.review.judgement import judge
from neuroonco.review.label_studio import (
    UNANSWERABLE,
    address_of,
    judgement_of,
    labeling_config,
    result_of,
    tasks_of,
)
from neuroonco.review.label_studio_pictures import write_pictures
from neuroonco.review.label_studio_return import bring_back
from neuroonco.review.records import Verdict
from neuroonco.review.room import Room
from neuroonco.review.room_files import content_of
from neuroonco.review.room_records import REJECT_REASONS, Assignment, EventKind, Person, RejectReason, Round
from review_rooms import PEOPLE, READERS, decide, fill, item_with, room_items, room_settings
from review_rooms import write_pictures as draw

TEXTS = st.none() | st.text(
    st.characters(blacklist_categories=("Cc", "Cs", "Cf", "Zl", "Zp")), min_size=1, max_size=40
).filter(lambda text: text.strip() == text)


def empty_copy(tmp_path, name="copy", n=6):
    room = Room(tmp_path / f"{name}.sqlite", create=True)
    items = room_items(n)
    made = [Assignment(key=item.key, reader=reader) for item in items for reader in READERS]
    room.set_up(room_settings(), items, PEOPLE, made)
    return room


def filled(tmp_path, n=6):
    room, root = fill(tmp_path, n)
    for number, item in enumerate(room.items()):
        letters = [option.letter for option in item.item.options]
        decide(room, item.key, "ann", letters[number % 2], elapsed_s=4.0, comment="zwei\nZeilen" if number else None)
        if number % 3 == 0:
            decide(room, item.key, "bob", reason=RejectReason.OTHER, comment="why")
        elif number % 3 == 1:
            decide(room, item.key, "bob", unanswerable=True)
    return room, root


def as_annotated(tasks, first_id=1000):
    """What Label Studio gives back for imported tasks: ids of its own, the imported ones beside."""
    done = json.loads(json.dumps(tasks))
    number = first_id
    for task in done:
        task["id"] = number
        for annotation in task["annotations"]:
            number += 1
            annotation["import_id"], annotation["id"] = annotation["id"], number
            by = annotation["completed_by"]
            annotation["completed_by"] = (
                {"id": 7, "first_name": "", "last_name": "", **by} if isinstance(by, dict) else by
            )
            annotation["draft_created_at"] = None
            annotation["result_count"] = len(annotation["result"])
    return done


def firsts(room):
    return {
        (lane.key, lane.reader): lane.judgement
        for state in room.states()
        for lane in state.lanes
        if lane.round is Round.FIRST and lane.judgement is not None
    }


def annotation(entry, judgement, by="ann", identity=1, **more):
    return {
        "id": identity,
        "completed_by": {"email": address_of(by)},
        "result": result_of(entry.item, judgement),
        "was_cancelled": False,
        "lead_time": 3.0,
    } | more


def task_of(room, entry, *annotations):
    (task,) = (task for task in tasks_of(content_of(room), blind=True) if task["data"]["key"] == entry.key)
    return task | {"annotations": list(annotations)}


# --- out and in ---


def test_room_to_tasks_to_room_has_the_same_judgements(tmp_path):
    room, _ = filled(tmp_path)
    with room, empty_copy(tmp_path) as other:
        tasks = as_annotated(tasks_of(content_of(room)))
        for task in tasks:
            task["data"]["as_of"] = 0  # the other room has no events
            for one in task["annotations"]:
                one["import_id"] = None
        returned = bring_back(other, tasks)
        assert (dict(returned.counts), returned.quarantined) == ({"saved": len(firsts(room))}, [])
        assert firsts(other) == firsts(room) != {}
        lanes = [lane for state in other.states() for lane in state.lanes if lane.round is Round.FIRST]
        assert {lane.elapsed_s for lane in lanes if lane.reader == "ann"} == {4.0}


def test_what_comes_back_unchanged_adds_nothing(tmp_path):
    room, _ = filled(tmp_path)
    with room:
        before = list(room.events())
        returned = bring_back(room, as_annotated(tasks_of(content_of(room))))
        assert list(room.events()) == before
        assert dict(returned.counts) == {"unchanged": len(firsts(room))}


def test_a_change_made_in_label_studio_comes_in_once_with_its_own_time(tmp_path):
    room, _ = filled(tmp_path)
    with room:
        tasks = as_annotated(tasks_of(content_of(room)))
        entry = room.item(tasks[0]["data"]["key"])
        wanted = judge(entry.item, unanswerable=True, comment="blurred")
        mine = next(one for one in tasks[0]["annotations"] if one["completed_by"]["email"] == address_of("ann"))
        mine["result"], mine["lead_time"] = result_of(entry.item, wanted), 10.0
        assert bring_back(room, tasks).counts["saved"] == 1
        lane = room.lane(entry.key, "ann", Round.FIRST)
        assert (lane.judgement, lane.version, lane.elapsed_s) == (wanted, 2, 10.0)
        before = list(room.events())
        assert bring_back(room, tasks).counts["saved"] == 0
        assert list(room.events()) == before
        # edited once more in Label Studio: upon what the import before left
        mine["result"] = result_of(entry.item, judge(entry.item, answer="A"))
        mine["lead_time"] = 12.5
        assert bring_back(room, tasks).counts["saved"] == 1
        lane = room.lane(entry.key, "ann", Round.FIRST)
        assert (lane.judgement.answer, lane.version, lane.elapsed_s) == ("A", 3, 12.5)
        # and back to what it was: to and fro is not the same save
        mine["result"] = result_of(entry.item, wanted)
        assert bring_back(room, tasks).counts["saved"] == 1
        assert room.lane(entry.key, "ann", Round.FIRST).judgement == wanted


def test_an_annotation_that_was_undone_in_the_room_does_not_come_back(tmp_path):
    with empty_copy(tmp_path) as room:
        entry = next(room.items())
        tasks = [task_of(room, entry, annotation(entry, judge(entry.item, answer="B")))]
        assert bring_back(room, tasks).counts["saved"] == 1
        room.undo(entry.key, "ann", Round.FIRST, based_on=1, save_id="undo")
        assert dict(bring_back(room, tasks).counts) == {"repeated": 1}
        assert room.lane(entry.key, "ann", Round.FIRST).judgement is None


def test_who_judged_in_the_room_meanwhile_has_a_conflict(tmp_path):
    room, _ = filled(tmp_path)
    with room:
        entry = next(room.items())
        tasks = [task_of(room, entry, annotation(entry, judge(entry.item, unanswerable=True)))]
        newer = decide(room, entry.key, "ann", "B").lane.judgement
        for expected in ({"conflict": 1}, {"repeated": 1}):
            assert dict(bring_back(room, tasks).counts) == expected
            assert room.lane(entry.key, "ann", Round.FIRST).judgement == newer
        kept = [event for event in room.events(entry.key) if event.kind is EventKind.CONFLICTED]
        assert [event.judgement.verdict for event in kept] == [Verdict.UNANSWERABLE]


def test_two_annotations_of_one_reader_are_no_guess(tmp_path):
    with empty_copy(tmp_path) as room:
        entry = next(room.items())
        two = [annotation(entry, judge(entry.item, answer=letter), identity=n) for n, letter in enumerate("AB", 1)]
        assert dict(bring_back(room, [task_of(room, entry, *two)]).counts) == {"saved": 1, "conflict": 1}
        assert room.lane(entry.key, "ann", Round.FIRST).judgement.answer == "A"


def test_once_the_second_round_has_begun_annotations_are_kept_out_of_force(tmp_path):
    with empty_copy(tmp_path) as room:
        entry = next(room.items())
        decide(room, entry.key, "ann", "A")
        decide(room, entry.key, "bob", "B")
        decide(room, entry.key, "bob", "A", round=Round.SECOND)
        tasks = [task_of(room, entry, annotation(entry, judge(entry.item, answer="B")))]
        assert dict(bring_back(room, tasks).counts) == {"closed": 1}
        assert room.lane(entry.key, "ann", Round.FIRST).judgement.answer == "A"


# --- what tasks hold ---


def test_tasks_tell_no_more_than_the_first_round(tmp_path):
    room, _ = filled(tmp_path)
    with room:
        blind = tasks_of(content_of(room), blind=True)
    text = json.dumps(blind)
    for secret in (
        "glioma_image",
        "slice_",
        "glioma/",
        "collection_07",
        "patient_of",
        "model-x",
        "masks",
        "ann",
        "bob",
    ):
        assert secret not in text.replace("annotations", ""), secret
    assert all(task["annotations"] == [] for task in blind)
    assert set(blind[0]["data"]) == {"key", "question", "options", "note", "image", "as_of"}
    assert blind[0]["data"]["image"] == f"/data/local-files/?d={blind[0]['data']['key']}.png"
    assert {task["data"]["note"] for task in blind} == {" "}


def test_the_proposed_answer_is_there_only_where_the_room_shows_it(tmp_path):
    room, _ = fill(tmp_path, 2, proposed_shown=True)
    with room:
        entry = next(room.items())
        task = task_of(room, entry)
    assert task["data"]["note"].endswith(f": {entry.item.answer}. {entry.item.text_of(entry.item.answer)}")


def test_users_are_those_that_were_stated(tmp_path):
    room, _ = filled(tmp_path, 2)
    with room:
        tasks = tasks_of(content_of(room), users={"ann@example.org": "ann", "12": "bob"})
        by = {json.dumps(one["completed_by"]) for task in tasks for one in task["annotations"]}
        assert by == {'{"email": "ann@example.org"}', "12"}
        returned = bring_back(room, as_annotated(tasks), users={"ANN@example.org": "ann", "12": "bob"})
        assert not returned.quarantined
        assert set(returned.counts) == {"unchanged"}


def test_unknown_users_are_named_and_never_guessed(tmp_path):
    with empty_copy(tmp_path) as room:
        entry = next(room.items())
        judgement = judge(entry.item, answer="A")
        users = ({"email": "Ann@room.invalid.example"}, {"id": 3, "email": "ann"}, 4, None, True, ["ann"], "ann", {})
        wrong = [annotation(entry, judgement, identity=n, completed_by=by) for n, by in enumerate(users)]
        chris = annotation(entry, judgement, by="chris", identity=90)  # an adjudicator does not read blind
        both = annotation(entry, judgement, identity=91, completed_by={"id": 5, "email": address_of("bob")})
        returned = bring_back(room, [task_of(room, entry, *wrong, chris, both)], users={"5": "ann"})
        assert {row.code for row in returned.quarantined} == {"USER_UNKNOWN"}
        assert sum(returned.unknown_users.values()) == len(users) + 2
        assert list(room.events()) == []
        good = annotation(entry, judgement, identity=92, completed_by={"id": 3, "email": "Ann@Room.Invalid"})
        assert bring_back(room, [task_of(room, entry, good)]).counts["saved"] == 1


def test_a_reader_without_the_question_is_quarantined(tmp_path):
    with Room(tmp_path / "r.sqlite", create=True) as room:
        entry = item_with()
        room.set_up(room_settings(), [entry], [Person(name="ann")], [])
        returned = bring_back(room, [task_of(room, entry, annotation(entry, judge(entry.item, answer="A")))])
    assert [row.code for row in returned.quarantined] == ["LANE_MISSING"]


# --- what cannot be read is never an acceptance ---


def part(name, kind, value):
    return {"from_name": name, "to_name": "image", "type": kind, "value": value}


ANSWER_A = part("answer", "choices", {"choices": ["A. Glioma"]})


@pytest.mark.parametrize(
    ("result", "code"),
    [
        ([], "JUDGEMENT_NONE"),
        (None, "ANNOTATION_INVALID"),
        ({}, "ANNOTATION_INVALID"),
        ("A", "ANNOTATION_INVALID"),
        ([None], "ANNOTATION_INVALID"),
        ([part("comment", "textarea", {"text": ["fine"]})], "JUDGEMENT_NONE"),
        ([part("answer", "choices", {"choices": []})], "JUDGEMENT_NONE"),
        ([part("answer", "choices", {"choices": ["A"]})], "ANSWER_NOT_OFFERED"),
        ([part("answer", "choices", {"choices": ["Glioma"]})], "ANSWER_NOT_OFFERED"),
        ([part("answer", "choices", {"choices": ["a. glioma"]})], "ANSWER_NOT_OFFERED"),
        ([part("answer", "choices", {"choices": ["A. Glioma", "B. Meningioma"]})], "ANSWER_NOT_OFFERED"),
        ([part("answer", "choices", {"choices": [1]})], "ANNOTATION_INVALID"),
        ([part("answer", "labels", {"labels": ["A. Glioma"]})], "ANNOTATION_INVALID"),
        ([part("answer", "choices", ["A. Glioma"])], "ANNOTATION_INVALID"),
        ([part("tag", "rectanglelabels", {})], "ANNOTATION_INVALID"),
        ([part(["answer"], "choices", {"choices": ["A. Glioma"]})], "ANNOTATION_INVALID"),
        ([ANSWER_A, ANSWER_A], "ANNOTATION_INVALID"),
        ([ANSWER_A, part("problem", "choices", {"choices": [UNANSWERABLE]})], "JUDGEMENT_SEVERAL"),
        ([part("problem", "choices", {"choices": ["looks odd"]})], "ANNOTATION_INVALID"),
        ([part("problem", "choices", {"choices": ["other"]})], "COMMENT_NEEDED"),
        ([ANSWER_A, part("wording", "textarea", {"text": ["one", "two"]})], "ANNOTATION_INVALID"),
        ([ANSWER_A, part("wording", "textarea", {"text": ["x" * 3000]})], "TEXT_TOO_LONG"),
        ([ANSWER_A, part("comment", "textarea", {"text": ["a\x1b[31m"]})], "TEXT_INVALID"),
    ],
)
def test_an_unreadable_result_is_an_error(result, code):
    with pytest.raises(InputError, match=code):
        judgement_of(item_with().item, result)


@given(
    kind=st.sampled_from(("A", "B", UNANSWERABLE, *RejectReason)),
    wording=TEXTS,
    comment=TEXTS,
)
def test_every_judgement_comes_back_from_its_result(kind, wording, comment):
    item: ClosedItem = item_with().item
    made = judge(
        item,
        answer=kind if kind in ("A", "B") else None,
        unanswerable=kind == UNANSWERABLE,
        reason=kind if isinstance(kind, RejectReason) else None,
        new_question=wording,
        comment=comment or "why",
    )
    assert judgement_of(item, json.loads(json.dumps(result_of(item, made)))) == made


def test_problems_are_understood_by_token_and_by_words():
    for reason, words in REJECT_REASONS.items():
        for said in (reason.value, words):
            result = [
                part("problem", "choices", {"choices": [said]}),
                part("comment", "textarea", {"text": "a single text"}),
            ]
            assert judgement_of(item_with().item, result).reason is reason


DEEP: list = []
for _ in range(50_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda _: 3, "TASK_INVALID"),
        (lambda _: {}, "TASK_INVALID"),
        (lambda t: t | {"data": {"key": 3}}, "TASK_INVALID"),
        (lambda t: t | {"data": {"key": "q0000000000000000"}}, "TASK_UNKNOWN"),
        (lambda t: t | {"data": {"key": "../../x"}}, "TASK_UNKNOWN"),
        (lambda t: t | {"annotations": None}, "TASK_INVALID"),
        (lambda t: t | {"annotations": [3]}, "ANNOTATION_INVALID"),
        (lambda t: t | {"annotations": [{"id": None, "result": []}]}, "ANNOTATION_INVALID"),
        (lambda t: t | {"annotations": [{"id": True, "result": []}]}, "ANNOTATION_INVALID"),
        (lambda t: t | {"data": t["data"] | {"question": "Another?"}}, "TASK_CHANGED"),
        (lambda t: t | {"data": t["data"] | {"options": t["data"]["options"][::-1]}}, "TASK_CHANGED"),
        (lambda t: t | {"data": t["data"] | {"options": {"a": 1}}}, "TASK_CHANGED"),
        (lambda t: t | {"extra": "\ud800"}, "TEXT_INVALID"),
        (lambda t: t | {"extra": DEEP}, "JSON_TOO_DEEP"),
    ],
)
def test_hostile_tasks_are_set_aside_and_the_rest_comes_in(tmp_path, change, code):
    with empty_copy(tmp_path) as room:
        bad, good = list(room.items())[:2]
        tasks = [
            change(task_of(room, bad, annotation(bad, judge(bad.item, answer="A")))),
            task_of(room, good, annotation(good, judge(good.item, answer="A"))),
        ]
        returned = bring_back(room, tasks)
        assert [row.code for row in returned.quarantined] == [code]
        assert set(firsts(room)) == {(good.key, "ann")}


@pytest.mark.parametrize("document", [{}, None, "x", 3])
def test_a_file_without_tasks_is_refused(tmp_path, document):
    with empty_copy(tmp_path) as room, pytest.raises(InputError, match="JSON_NOT_A_LIST"):
        bring_back(room, document)


@pytest.mark.parametrize("lead_time", [None, -1, 1e9, "5", True, [1]])
def test_a_time_that_cannot_be_is_no_time(tmp_path, lead_time):
    with empty_copy(tmp_path) as room:
        entry = next(room.items())
        bring_back(room, [task_of(room, entry, annotation(entry, judge(entry.item, answer="A"), lead_time=lead_time))])
        (event,) = room.events()
    assert event.elapsed_s is None


def test_skipped_annotations_are_counted(tmp_path):
    with empty_copy(tmp_path) as room:
        entry = next(room.items())
        one = annotation(entry, judge(entry.item, answer="A"), was_cancelled=True)
        assert dict(bring_back(room, [task_of(room, entry, one)]).counts) == {"skipped": 1}
        assert list(room.events()) == []


@pytest.mark.parametrize("as_of", [None, "x", -1, True, 10**30])
def test_a_task_that_does_not_say_when_it_left_overrides_nothing(tmp_path, as_of):
    with empty_copy(tmp_path) as room:
        entry = next(room.items())
        task = task_of(room, entry, annotation(entry, judge(entry.item, answer="B")))
        task["data"]["as_of"] = as_of
        decide(room, entry.key, "ann", "A")
        assert dict(bring_back(room, [task]).counts) == {"conflict": 1}


# --- configuration and pictures ---


def test_the_configuration_offers_what_is_read_back():
    root = ElementTree.fromstring(labeling_config())  # noqa: S314  (our own file)
    controls = {one.get("name"): one for one in root.iter() if one.tag in ("Choices", "TextArea")}
    assert set(controls) == {"answer", "problem", "wording", "comment"}
    assert {one.get("toName") for one in controls.values()} == {"image"}
    assert controls["answer"].get("value") == "$options"
    offered = {one.get("alias"): one.get("value") for one in controls["problem"]}
    assert offered == {r.value: words for r, words in REJECT_REASONS.items()} | {
        UNANSWERABLE: "cannot be judged from this picture"
    }
    shown = {
        one.get("value")[1:] for one in root if one.tag in ("Image", "Text", "Header") and one.get("value")[0] == "$"
    }
    assert shown == {"question", "note", "image"}


def test_pictures_leave_under_their_keys_with_pixels_alone(tmp_path):
    draw(tmp_path / "images", 6)
    items = room_items(6)
    written = write_pictures(tmp_path / "out", items, tmp_path / "images")
    assert written.keys == {item.key for item in items}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"{item.key}.png" for item in items}
    for item in items:
        data = (tmp_path / "out" / f"{item.key}.png").read_bytes()
        with Image.open(BytesIO(data)) as picture:
            assert picture.mode in ("L", "RGB")
            assert picture.info == {}
            shown = np.asarray(picture)
        assert b"glioma" not in data
        with Image.open(tmp_path / "images" / item.item.image_path) as stored:
            values = np.asarray(stored)
        if values.dtype == np.uint8:
            assert np.array_equal(shown, values)
        else:  # 16 bits: brighter stays brighter, and the whole range is used
            assert shown.dtype == np.uint8
            assert shown.min() == 0
            assert shown.max() == 255


def test_pictures_that_cannot_be_read_are_named_and_nothing_outside_is(tmp_path):
    root = tmp_path / "images"
    draw(root, 2)
    (tmp_path / "secret.png").write_bytes((root / "glioma" / "slice_0.png").read_bytes())
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    (root / "bomb.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + b"\x7f\xff\xff\xff" * 2 + b"\x08\0\0\0\0" * 9
    )
    items = [
        item_with(image_id=name, image_path=path)
        for name, path in (
            *(("up", "../secret.png"), ("link", "link.png"), ("none", "none.png"), ("bomb", "bomb.png")),
            *(("abs", str(tmp_path / "secret.png")), ("good", "glioma/slice_0.png")),
        )
    ]
    written = write_pictures(tmp_path / "out", items, root)
    assert written.keys == {items[-1].key}
    assert [row.slice_id for row in written.quarantined] == [item.key for item in items[:-1]]
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"{items[-1].key}.png"]
