"""The review room in a real browser when things go wrong, and by other hands: refused and lost saves, sessions that
ended, two adjudicators, the mouse, touch, and no scripts."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

pytest.importorskip("fastapi", reason="the extra 'review' is not installed")

from browser import OpenContext
from neuroonco.review.room import Room
from neuroonco.review.room_records import Assignment, EventKind, Person, RejectReason, Role, Round
from neuroonco.viewer.window_table import window_table
from review_browser import Served, leave, open_first, serving, shown, type_text
from review_rooms import READERS, decide, fill, item_with, room_settings, write_pictures

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

LONG = (
    "In the slice that is displayed here, in which the lesion may be hard to delineate because of motion, which of the "
    "following descriptions of signal intensity relative to gray matter fits the largest lesion best, if one considers "
    "the whole of the solid part and leaves out cysts, edema and hemorrhage?"
)
UNREACHABLE = ["ERR_FAILED", "^console: htmx:(sendError|afterRequest)"]
VIEWER = "[...neuroonco.viewers.values()][0]"
IN_VIEW = """selector => [...document.querySelectorAll(selector)].map(e => {
    const box = e.getBoundingClientRect();
    const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    return box.top >= 0 && box.bottom <= innerHeight && (e.contains(top) || top.contains(e));
})"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    room, root = fill(tmp_path, 6)
    with room, serving(room, root) as one:
        yield one


def kinds(served: Served, key: str) -> list[EventKind]:
    return [event.kind for event in served.room.events(key)]


def picture_shown(page: "Page") -> None:
    page.wait_for_selector("[data-slice-viewer][data-state=shown]")


def save_ids(page: "Page") -> list[str]:
    """Of the judgements that the page posts from now on."""
    found: list[str] = []

    def note(request: Any) -> None:
        if request.method == "POST" and request.url.endswith("/judgement"):
            found.append(parse_qs(request.post_data)["save_id"][0])

    page.on("request", note)
    return found


# --- refused ---


def test_why_a_save_was_refused_stays_until_something_is_changed(
    served: Served, page: "Page", allowed_complaints: list[str]
) -> None:
    allowed_complaints.append("status of 422")
    key = open_first(served, page)
    type_text(page, "c", "nothing is chosen")
    page.keyboard.press("Control+Enter")
    problem = page.locator("#problem")
    problem.filter(has_text="no judgement").or_(problem.filter(has_text="choose")).wait_for()
    said = problem.inner_text()
    assert said
    page.locator("h1").click()  # the text loses the focus, and says once more that it has changed
    assert problem.inner_text() == said
    page.keyboard.press("1")
    assert problem.inner_text() == ""
    page.keyboard.press("Enter")
    leave(page, key)
    assert kinds(served, key) == [EventKind.DECIDED]


def test_a_rejection_goes_to_the_missing_reason_and_enter_saves_it(
    served: Served, page: "Page", allowed_complaints: list[str]
) -> None:
    allowed_complaints.append("status of 422")
    key = open_first(served, page)
    page.keyboard.press("x")
    page.keyboard.press("Enter")
    page.locator("#problem", has_text="needs a reason").wait_for()
    page.wait_for_function("() => document.activeElement.name === 'reason'")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    leave(page, key)
    lane = served.room.lane(key, "ann", Round.FIRST)
    assert lane is not None
    assert lane.judgement is not None
    assert lane.judgement.reason is next(iter(RejectReason))


# --- lost on the way ---


def test_a_save_whose_answer_was_lost_is_tried_again_as_the_same_save(
    served: Served, page: "Page", allowed_complaints: list[str]
) -> None:
    allowed_complaints += UNREACHABLE
    key = open_first(served, page)
    ids = save_ids(page)

    def lose(route: "Route") -> None:
        route.fetch()  # it is saved, and nobody hears of it
        route.abort()

    page.route("**/judgement", lose, times=1)
    page.keyboard.press("2")
    type_text(page, "c", "from a text")
    page.keyboard.press("Control+Enter")
    page.locator("#trouble", has_text="the server cannot be reached").wait_for()
    assert kinds(served, key) == [EventKind.DECIDED]
    page.get_by_role("button", name="Try again").click()  # from the text, which thereby says that it has changed
    leave(page, key)
    assert len(ids) == 2
    assert ids[0] == ids[1]
    assert kinds(served, key) == [EventKind.DECIDED]


def test_another_answer_after_a_lost_save_is_another_save(
    served: Served, page: "Page", allowed_complaints: list[str]
) -> None:
    allowed_complaints += UNREACHABLE
    key = open_first(served, page)
    ids = save_ids(page)
    page.route("**/judgement", lambda route: route.abort(), times=1)
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    page.locator("#trouble", has_text="the server cannot be reached").wait_for()
    assert kinds(served, key) == []
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    leave(page, key)
    assert ids[0] != ids[1]
    item = served.room.item(key)
    lane = served.room.lane(key, "ann", Round.FIRST)
    assert item is not None
    assert lane is not None
    assert lane.judgement is not None
    assert lane.judgement.answer == item.item.options[1].letter


def test_who_signs_in_again_saves_what_was_entered(
    served: Served, open_context: OpenContext, allowed_complaints: list[str]
) -> None:
    allowed_complaints += ["status of 40[13]", "Response Status Error Code 40[13]"]
    context = open_context()
    page = context.new_page()
    key = open_first(served, page)
    page.keyboard.press("2")
    context.clear_cookies()
    page.keyboard.press("Enter")
    page.locator("#trouble", has_text="not signed in any more").wait_for()
    again = context.new_page()
    served.enter(again, "bob")
    page.bring_to_front()
    page.keyboard.press("Enter")
    page.locator("#trouble", has_text="this is the page of ann, and bob is signed in now").wait_for()
    served.enter(again, "ann")
    page.bring_to_front()
    page.keyboard.press("Enter")
    leave(page, key)
    assert [event.reader for event in served.room.events(key)] == ["ann"]
    assert page.locator("#trouble").is_hidden()


def test_save_and_go_saves_and_goes(served: Served, page: "Page") -> None:
    key = open_first(served, page)
    page.keyboard.press("2")
    page.get_by_role("link", name="Queue", exact=True).first.click()
    page.get_by_role("button", name="Save and go", exact=True).click()
    page.wait_for_selector("[data-queue]")
    assert kinds(served, key) == [EventKind.DECIDED]
    page.locator("tbody td", has_text="done").wait_for()


def test_the_same_judgement_from_another_window_leaves_nothing_to_choose(
    served: Served, open_context: OpenContext, allowed_complaints: list[str]
) -> None:
    allowed_complaints.append("status of 409")
    page = open_context().new_page()
    key = open_first(served, page)
    item = served.room.item(key)
    assert item is not None
    decide(served.room, key, "ann", item.item.options[1].letter)
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    if page.wait_for_selector(":is([data-conflict], section[data-reading]:not([data-key='" + key + "']))"):
        assert page.get_by_role("button", name="Save mine over it").count() == 0


# --- adjudicators ---


def disputed(served: Served) -> str:
    """A question with models' notes that both readers judged twice, differently."""
    key = next(held.key for held in served.room.items() if held.notes)
    item = served.room.item(key)
    assert item is not None
    letters = [option.letter for option in item.item.options]
    for round in (Round.FIRST, Round.SECOND):
        for reader, letter in zip(READERS, letters, strict=False):
            decide(served.room, key, reader, letter, round=round)
    return key


def test_two_decisions_show_both_to_the_second_adjudicator(
    served: Served, open_context: OpenContext, allowed_complaints: list[str]
) -> None:
    allowed_complaints.append("status of 409")
    key = disputed(served)
    context = open_context()
    first, second = context.new_page(), context.new_page()
    served.enter(first, "chris")
    for page in (first, second):
        page.goto(f"{served.address}/adjudication/{key}")
    for page, digit, why in ((first, "1", "the first"), (second, "2", "the second")):
        page.bring_to_front()
        page.keyboard.press(digit)
        type_text(page, "c", why)
        page.keyboard.press("Control+Enter")
        page.wait_for_function("() => !document.querySelector('[data-adjudicating]')")
    text = second.inner_text("[data-conflict]")
    assert "in another window, or by somebody else" in text
    assert "the first" in text
    assert "the second" in text
    lane = served.room.lane(key, "chris", Round.ADJUDICATION)
    assert lane is not None
    assert lane.judgement is not None
    assert lane.judgement.comment == "the first"
    second.get_by_role("button", name="Save mine over it").click()
    second.wait_for_function("() => !document.querySelector('[data-conflict]')")
    lane = served.room.lane(key, "chris", Round.ADJUDICATION)
    assert lane is not None
    assert lane.judgement is not None
    assert lane.judgement.comment == "the second"


def test_models_notes_come_when_asked_for_and_leave_what_was_entered(
    served: Served, page: "Page", allowed_complaints: list[str]
) -> None:
    allowed_complaints += UNREACHABLE
    key = disputed(served)
    served.enter(page, "chris")
    page.goto(f"{served.address}/adjudication/{key}")
    assert "model-x" not in page.content()
    type_text(page, "c", "half a reason")
    page.route("**/models-shown*", lambda route: route.abort(), times=1)
    page.get_by_role("button", name="Show the models' notes").click()
    page.locator("#trouble", has_text="Not done").wait_for()
    address = page.url
    page.get_by_role("button", name="Try again").click()
    page.locator("#models", has_text="model-x").wait_for()
    assert page.url == address
    assert page.locator("#comment").input_value() == "half a reason"
    assert page.locator("#trouble").is_hidden()
    assert kinds(served, key).count(EventKind.MODELS_SHOWN) == 1


def test_a_decision_without_a_reason_goes_to_the_reason(
    served: Served, page: "Page", allowed_complaints: list[str]
) -> None:
    allowed_complaints.append("status of 422")
    key = disputed(served)
    served.enter(page, "chris")
    page.goto(f"{served.address}/adjudication/{key}")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    page.locator("#problem", has_text="a decision needs a reason").wait_for()
    page.wait_for_function("() => document.activeElement.id === 'comment'")
    assert page.evaluate(IN_VIEW, "#problem") == [True]


# --- the picture on the page of a question ---


def test_a_click_on_a_button_of_the_picture_leaves_enter_to_saving(served: Served, page: "Page") -> None:
    key = open_first(served, page)
    picture_shown(page)
    page.get_by_role("button", name="Brighter").click()
    page.keyboard.press("2")
    page.get_by_role("button", name="Invert").click()
    page.keyboard.press("Enter")
    leave(page, key)
    assert kinds(served, key) == [EventKind.DECIDED]
    picture_shown(page)
    button = page.get_by_role("button", name="Darker")
    button.focus()
    page.keyboard.press("Enter")  # by keyboard the button keeps it
    assert button.get_attribute("aria-pressed") == "true"
    assert page.evaluate("() => document.activeElement.textContent") == "Darker"


def test_a_drag_windows_the_picture_as_computed(served: Served, page: "Page") -> None:
    open_first(served, page)
    picture_shown(page)
    facts, before = page.evaluate(f"() => [{VIEWER}.facts, Array.from({VIEWER}.pixelsShown())]")
    box = page.locator("[data-slice-viewer] canvas").bounding_box()
    assert box is not None
    x, y = box["x"] + 60, box["y"] + 200
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 128, y + 64, steps=4)
    page.mouse.up()
    key = shown(page)
    stored = page.evaluate(
        "async key => Array.from(new Uint8Array(await (await fetch(`/slices/${key}/values`)).arrayBuffer()))", key
    )
    if facts["bits"] == 16:
        stored = [low + 256 * high for low, high in zip(stored[::2], stored[1::2], strict=True)]
    per_pixel = (facts["most"] - facts["least"]) / 512
    table = window_table(
        bits=facts["bits"],
        center=facts["center"] + 64 * per_pixel,
        width=facts["width"] + 128 * per_pixel,
        slope=facts["slope"],
        intercept=facts["intercept"],
    )
    pixels = page.evaluate(f"() => Array.from({VIEWER}.pixelsShown())")
    gray = [pixels[at + part] for at in range(0, len(pixels), 4) for part in range(3 if facts["channels"] == 3 else 1)]
    assert gray == [int(table[value]) for value in stored]
    assert pixels != before


def test_the_outline_is_asked_for_and_logged_once(served: Served, page: "Page") -> None:
    key = next(held.key for held in served.room.items() if held.mask is not None)
    served.enter(page, "ann")
    page.goto(f"{served.address}/items/{key}?round=first")
    picture_shown(page)
    page.keyboard.press("m")
    assert kinds(served, key) == []
    page.get_by_role("button", name="Show it, and log that").click()
    page.locator("button[aria-pressed=true]", has_text="Outline").wait_for()
    for _ in range(2):
        page.keyboard.press("m")
    assert kinds(served, key) == [EventKind.MASK_SHOWN]
    assert page.evaluate(f"() => {VIEWER}.maskShown")
    page.keyboard.press("1")
    page.keyboard.press("Enter")  # the focus is not left on the button of the outline
    leave(page, key)
    assert kinds(served, key) == [EventKind.MASK_SHOWN, EventKind.DECIDED]


# --- by touch, and without scripts ---


def test_a_tablet_held_upright_needs_no_keys_and_no_scrolling(served: Served, open_context: OpenContext) -> None:
    page = open_context(viewport={"width": 768, "height": 1024}, has_touch=True, is_mobile=True).new_page()
    key = open_first(served, page)
    picture_shown(page)
    assert all(
        page.evaluate(
            IN_VIEW, "form[data-judgement] :is(label.option, summary, select), form[data-judgement] button, canvas"
        )
    )
    small = page.evaluate("""() => [...document.querySelectorAll(
        "form[data-judgement] :is(label.option, button, select, summary), .slice-viewer button")]
        .filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 44).map(e => e.outerHTML)""")
    assert small == []
    page.locator("label.option").nth(1).tap()
    page.get_by_role("button", name="Save and go on").tap()
    leave(page, key)
    page.locator("form[data-undo] button").tap()
    page.wait_for_function("k => document.querySelector('section[data-reading]')?.dataset.key === k", arg=key)
    assert kinds(served, key) == [EventKind.DECIDED, EventKind.UNDONE]
    page.locator("summary", has_text="Comment").tap()
    page.wait_for_function("() => document.activeElement.id === 'comment'")


def test_plain_forms_do_without_scripts(
    served: Served, open_context: OpenContext, allowed_complaints: list[str]
) -> None:
    allowed_complaints.append("status of 4(09|22)")
    page = open_context(java_script_enabled=False).new_page()
    page.goto(f"{served.address}/sign-in")
    page.get_by_label("Your token").fill(served.tokens["ann"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Go on with the next open question").click()
    key, address = shown(page), page.url
    assert key is not None
    page.locator("summary", has_text="Comment").click()
    page.get_by_label("Comment, for the other readers").fill("kept")
    page.get_by_role("button", name="Save and go on").click()
    assert page.get_by_role("alert").first.inner_text()
    assert page.locator("#comment").input_value() == "kept"
    page.locator("label.option").nth(1).click()
    page.get_by_role("button", name="Save and go on").click()
    assert shown(page) != key
    page.locator("form[data-undo] button").click()
    assert shown(page) == key
    decide(served.room, key, "ann", unanswerable=True)
    page.locator("label.option").nth(0).click()
    page.get_by_role("button", name="Save and go on").click()
    assert page.locator("[data-conflict]").count() == 1
    page.get_by_role("button", name="Save mine over it").click()
    found = [EventKind.DECIDED, EventKind.UNDONE, EventKind.DECIDED, EventKind.CONFLICTED, EventKind.DECIDED]
    assert kinds(served, key) == found
    page.goto(address)
    assert page.locator("input[name=choice]:checked").get_attribute("data-digit") == "1"


# --- what fits, and what is said ---


OPTIONS = ("Hypointense", "Isointense", "Hyperintense", "Mixed signal", "None of the above")


@pytest.mark.parametrize("question", ["Which signal does the lesion have, compared with gray matter?", LONG])
def test_a_form_of_five_options_is_in_one_window(tmp_path: Path, open_context: OpenContext, question: str) -> None:
    readers = (*READERS, "dora")
    people = (*(Person(name=name) for name in readers), Person(name="chris", role=Role.ADJUDICATOR))
    item = item_with(question, OPTIONS)
    root = tmp_path / "images"
    write_pictures(root, 2)
    with Room(tmp_path / "room.sqlite", create=True) as room:
        room.set_up(room_settings(), [item], people, [Assignment(key=item.key, reader=name) for name in readers])
        with serving(room, root) as served:
            page = open_context().new_page()
            form = "form[data-judgement] :is(label.option, .reject-row select, summary, button[type=submit])"
            open_first(served, page)
            assert page.evaluate(IN_VIEW, form) == [True] * 10
            decide(room, item.key, "ann", "A")
            decide(room, item.key, "bob", unanswerable=True)
            decide(room, item.key, "dora", reason=next(iter(RejectReason)))
            page.goto(f"{served.address}/items/{item.key}?round=second")
            in_view = page.evaluate(IN_VIEW, form)
            assert in_view[-1]  # saving always is
            if question != LONG:
                assert all(in_view[:7])
            for words in ("(you)", "Reader"):
                assert words in page.inner_text("form[data-judgement] .options")
            rows = page.locator(".options > *")
            assert "Reader" in rows.nth(6).inner_text()  # not judgeable
            assert "Reader" in rows.nth(7).inner_text()  # reject
            page.keyboard.press("0")
            assert all(page.evaluate(IN_VIEW, "label.option:has(:checked)"))


def test_readers_find_their_progress_and_all_keys(served: Served, page: "Page") -> None:
    served.enter(page, "ann")
    page.get_by_role("link", name="Progress").click()
    assert "My questions" in page.inner_text("#page")
    assert page.get_by_role("link", name="Progress").get_attribute("aria-current") == "page"
    assert page.get_by_role("link", name="Agreement").count() == 0
    page.keyboard.press("?")
    text = page.inner_text("#help")
    for key in ("1 to 9", "0", "a", "x", "e", "c", "Enter", "j k", "u", "m", "i", "[ ]", "+ - r", "Esc", "?"):
        assert key in text.replace("\n", " ")
    for words in ("Drag", "two fingers", "Ctrl", "the queue"):
        assert words in text


def test_figures_of_agreement_stay_on_their_lines(served: Served, page: "Page") -> None:
    for held in served.room.items():
        for reader in READERS:
            decide(served.room, held.key, reader, held.item.options[0].letter)
    served.enter(page, "chris")
    page.goto(f"{served.address}/agreement")
    broken = page.evaluate("""() => [...document.querySelectorAll(".agreement-table :is(.figure, .interval)")]
        .filter(e => e.getClientRects().length > 1 || e.getBoundingClientRect().height > 30).map(e => e.textContent)""")
    assert broken == []
    assert page.locator(".interval").count() > 0
    assert "_" not in page.inner_text("#types tbody")
    assert "collection_07" in page.inner_text("#sources tbody")
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
