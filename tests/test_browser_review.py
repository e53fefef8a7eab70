"""The review room in a real browser, by keyboard: from invitations to an export; conflicts, hostile texts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("fastapi", reason="the extra 'review' is not installed")

from browser import OpenContext, axe
from neuroonco.build.interop import read_closed
from neuroonco.cli import run
from neuroonco.review.room import Room
from neuroonco.review.room_records import Assignment, EventKind, ItemStatus, RejectReason, Round
from review_browser import Served, digit_of, leave, open_first, other_than, serving, shown, to_first, type_text
from review_rooms import PEOPLE, READERS, fill, item_with, room_settings, write_pictures

if TYPE_CHECKING:
    from playwright.sync_api import Page

WORDING = "Which kind of tumor does this slice show?"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    room, root = fill(tmp_path, 10)
    with room, serving(room, root) as one:
        yield one


# --- the whole way ---


def plan(room: Room) -> dict[str, int]:
    """Each question's number in the story that is played."""
    wide = sorted((i.key for i in room.items() if len(i.item.options) >= 4), key=str)
    narrow = sorted(key for key in (i.key for i in room.items()) if key not in wide)
    ordered = [*narrow, *wide]  # the last ones of the story need several wrong options
    return {key: number for number, key in enumerate(ordered)}


def first_round(page: "Page", served: Served, name: str, numbers: dict[str, int]) -> None:
    served.enter(page, name)
    to_first(page)
    for _ in range(len(numbers)):
        key = shown(page)
        assert key is not None
        held = served.room.item(key)
        assert held is not None
        item, number = held.item, numbers[key]
        right, wrong = digit_of(item, item.answer), digit_of(item, other_than(item, item.answer))
        match number:
            case 4:
                page.keyboard.press(wrong)
            case 5:
                page.keyboard.press(right if name == "ann" else wrong)
            case 6:
                page.keyboard.press("0")
            case 7 if name == "ann":
                page.keyboard.press("x")
                page.keyboard.press("ArrowDown")
                page.keyboard.press("ArrowDown")
                page.keyboard.press("Escape")
            case 8 if name == "ann":
                page.keyboard.press(right)
                type_text(page, "e", WORDING)
                page.keyboard.press("Escape")
            case 9:
                letters = (item.answer, other_than(item, item.answer))
                page.keyboard.press(wrong if name == "ann" else digit_of(item, other_than(item, *letters)))
            case _:
                page.keyboard.press(right)
        page.keyboard.press("Enter")
        leave(page, key)
    assert shown(page) is None  # the queue: nothing is left to do


def test_two_readers_and_an_adjudicator_take_ten_questions_to_an_export_by_keyboard(
    served: Served, open_context: OpenContext, tmp_path: Path
) -> None:
    room, numbers = served.room, plan(served.room)
    for name in READERS:
        page = open_context().new_page()
        first_round(page, served, name, numbers)
    status = {numbers[key]: room.state(key).status for key in numbers}  # type: ignore[union-attr]
    differing = {5, 7, 8, 9}
    assert {n for n, found in status.items() if found is ItemStatus.SECOND_ROUND} == differing
    assert {n for n, found in status.items() if found is ItemStatus.AGREED} == set(numbers.values()) - differing

    for name in READERS:
        page = open_context().new_page()
        served.enter(page, name)
        page.goto(f"{served.address}/queue?round=second")
        to_first(page)
        for _ in differing:
            key = shown(page)
            assert key is not None
            assert page.get_by_text("What was said in round one").count() == 1
            assert "bob" not in page.inner_text("#page")
            assert "ann" not in page.inner_text("#page").split()
            if numbers[key] == 5:
                page.keyboard.press("a")
            page.keyboard.press("Enter")
            leave(page, key)
    status = {numbers[key]: room.state(key).status for key in numbers}  # type: ignore[union-attr]
    assert status[5] is ItemStatus.AGREED
    assert {n for n, found in status.items() if found is ItemStatus.DISPUTED} == {7, 8, 9}

    page = open_context().new_page()
    served.enter(page, "chris")
    page.wait_for_selector("[data-docket]")
    page.keyboard.press("Enter")
    page.wait_for_selector("section[data-adjudicating]")
    for _ in range(3):
        key = shown(page)
        assert key is not None
        assert page.locator(".differs").count() > 0
        assert page.locator(".badge-differs").count() > 0  # not by color alone
        if numbers[key] == 7:
            page.keyboard.press("x")
            page.keyboard.press("ArrowDown")
            page.keyboard.press("ArrowDown")
            page.keyboard.press("Escape")
        else:
            page.keyboard.press("a")
        if numbers[key] == 8:
            type_text(page, "e", WORDING)
            page.keyboard.press("Escape")
        type_text(page, "c", f"decided number {numbers[key]}")
        page.keyboard.press("Control+Enter")
        leave(page, key)
    assert all(state.status.is_settled for state in room.states())

    out = tmp_path / "reviewed"
    assert run(["review", "export", str(tmp_path / "room.sqlite"), "--out", str(out)]) == 0
    _check_export(room, numbers, out)


def _check_export(room: Room, numbers: dict[str, int], out: Path) -> None:
    before = {numbers[held.key]: held.item for held in room.items()}
    kept = {(i.image_id, i.q_index): i for i in read_closed(next(out.glob("*closed*.parquet"))).records}
    assert len(kept) == 8
    for number, item in before.items():
        found = kept.get((item.image_id, item.q_index))
        if number in (6, 7):
            assert found is None
        elif number == 4:
            assert found is not None
            assert (found.answer, found.label_source) == (other_than(item, item.answer), "review")
        elif number == 8:
            assert found is not None
            assert (found.question, found.answer, found.label_source) == (WORDING, item.answer, item.label_source)
        else:
            assert found is not None
            assert (found.question, found.answer) == (item.question, item.answer)
    rejected = [json.loads(line) for line in (out / "rejected.jsonl").read_text("utf-8").splitlines()]
    assert len(rejected) == 2
    assert list(RejectReason)[1].value in json.dumps(rejected)
    assert "decided number 7" in json.dumps(rejected)
    provenance = [json.loads(line) for line in (out / "provenance.jsonl").read_text("utf-8").splitlines()]
    assert len(provenance) == 10
    assert sum("decided number" in json.dumps(row) for row in provenance) == 3


# --- one reader's page ---


def test_a_save_shows_its_time_and_u_takes_it_back(served: Served, page: "Page") -> None:
    key = open_first(served, page)
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    leave(page, key)
    line = page.inner_text(".saved-line")
    assert "Saved" in line
    assert " s" in line
    page.keyboard.press("u")
    page.wait_for_function("k => document.querySelector('section[data-reading]')?.dataset.key === k", arg=key)
    kinds = [event.kind for event in served.room.events(key)]
    assert kinds == [EventKind.DECIDED, EventKind.UNDONE]
    lane = served.room.lane(key, "ann", Round.FIRST)
    assert lane is not None
    assert lane.judgement is None


def test_a_conflict_shows_both_and_loses_neither(
    served: Served, open_context: OpenContext, allowed_complaints: list[str]
) -> None:
    allowed_complaints.append("status of 409")
    context = open_context()
    mine, other = context.new_page(), context.new_page()
    key = open_first(served, mine)
    other.goto(mine.url)
    other.keyboard.press("1")
    other.keyboard.press("Enter")
    leave(other, key)
    mine.keyboard.press("2")
    type_text(mine, "c", "seen in the other tab")
    mine.keyboard.press("Control+Enter")
    mine.wait_for_selector("[data-conflict]")
    item = served.room.item(key)
    assert item is not None
    shown_text = mine.inner_text("[data-conflict]")
    assert item.item.options[0].text in shown_text
    assert item.item.options[1].text in shown_text
    assert "seen in the other tab" in shown_text
    kinds = [event.kind for event in served.room.events(key)]
    assert kinds == [EventKind.DECIDED, EventKind.CONFLICTED]
    lane = served.room.lane(key, "ann", Round.FIRST)
    assert lane is not None
    assert lane.judgement is not None
    assert lane.judgement.answer == item.item.options[0].letter
    mine.get_by_role("button", name="Save mine over it").click()
    mine.wait_for_function("() => !document.querySelector('[data-conflict]')")
    lane = served.room.lane(key, "ann", Round.FIRST)
    assert lane is not None
    assert lane.judgement is not None
    assert (lane.judgement.answer, lane.judgement.comment) == (item.item.options[1].letter, "seen in the other tab")


def test_leaving_with_unsaved_work_asks(served: Served, page: "Page") -> None:
    key = open_first(served, page)
    page.keyboard.press("2")
    page.keyboard.press("j")
    page.wait_for_selector("#leaving[open]")
    page.get_by_role("button", name="Stay here").click()
    assert shown(page) == key
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.evaluate("() => { setTimeout(() => { location.href = '/queue'; }, 0); }")
    page.wait_for_function("() => true")
    page.close(run_before_unload=True)
    page.wait_for_event("dialog") if not asked else None
    assert asked
    assert set(asked) == {"beforeunload"}
    assert list(served.room.events(key)) == []


HOSTILE = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">{{7*7}} \u202egnorw"


def test_a_hostile_question_stays_inert(tmp_path: Path, page: "Page") -> None:
    options = (HOSTILE, "</label></form><form action='//evil.example'>", "Meningioma", "x" * 300)
    item = item_with(HOSTILE, options, image_path="glioma/slice_0.png")
    with Room(tmp_path / "room.sqlite", create=True) as room:
        root = tmp_path / "images"
        write_pictures(root, 2)
        given = [Assignment(key=item.key, reader=name) for name in READERS]
        room.set_up(room_settings(), [item], PEOPLE, given)
        with serving(room, root) as served:
            open_first(served, page)
            assert page.inner_text("h1").startswith("<script>document.title='taken'</script><img src=x")
            assert "49" not in page.inner_text("h1")
            assert page.title() != "taken"
            assert page.locator("#page img, #page script, form[action*=evil]").count() == 0
            page.keyboard.press("1")
            type_text(page, "c", HOSTILE.replace("\u202e", ""))
            page.keyboard.press("Control+Enter")
            page.wait_for_function("() => !document.querySelector('section[data-reading]')")
            served.enter(page, "bob")
            to_first(page)
            page.keyboard.press("2")
            page.keyboard.press("Enter")
            page.wait_for_function("() => !document.querySelector('section[data-reading]')")
            served.enter(page, "chris")
            page.keyboard.press("Enter") if page.query_selector("[data-docket] a[data-line]") else None
            page.goto(f"{served.address}/adjudication/{item.key}")
            assert "onerror" in page.inner_text("#page")
            assert page.title() != "taken"
            assert page.locator("#page img, #page script").count() == 0


@pytest.mark.parametrize(
    "viewport", [{"width": 1280, "height": 720}, {"width": 1024, "height": 768}, {"width": 768, "height": 1024}]
)
def test_pages_are_accessible_and_fit(
    served: Served,
    open_context: OpenContext,
    viewport: dict[str, int],
) -> None:
    page = open_context(viewport=viewport, has_touch=viewport["width"] < 1280).new_page()
    page.goto(f"{served.address}/sign-in")
    assert axe(page) == []
    key = open_first(served, page)
    assert axe(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    if viewport["width"] == 1280:
        bottom = page.evaluate(
            "() => document.querySelector('button[type=submit].button-primary').getBoundingClientRect().bottom"
        )
        assert bottom <= 720  # saving needs no scrolling
    page.keyboard.press("?")
    page.wait_for_selector("#help[open]")
    assert axe(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    leave(page, key)
    page.goto(f"{served.address}/queue?round=first")
    assert axe(page) == []
    for entry in served.room.queue("bob", Round.FIRST)[:1]:
        assert entry.key
    page = open_context(viewport=viewport).new_page()
    served.enter(page, "chris")
    for place in ("/adjudication", f"/adjudication/{key}", "/progress", "/agreement"):
        page.goto(served.address + place)
        assert axe(page) == [], place
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), place
