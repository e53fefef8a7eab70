"""The adjudicators' pages: the list, one question with all that was said of it, the decision."""

import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from neuroonco.review.people import People
from neuroonco.review.room import Room
from neuroonco.review.room_records import (
    Assignment,
    EventKind,
    ItemStatus,
    Judgement,
    ModelNote,
    RejectReason,
    Role,
    Round,
)
from neuroonco.review.web.docket import Filters, Subject, listed, page_of
from review_pages import Pages, Tab, pages_over
from review_rooms import PEOPLE, decide, item_with, room_items, room_settings, write_pictures

FIRST, SECOND, LAST = Round.FIRST, Round.SECOND, Round.ADJUDICATION
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{ 7*7 }}"


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    with pages_over(tmp_path, 10) as made:
        yield made


def keys_of(room: Room) -> list[str]:
    return [one.key for one in room.items()]


def both(room: Room, key: str, ann: str, bob: str, round: Round = FIRST, **more: str) -> None:
    decide(room, key, "ann", ann, round=round, elapsed_s=62)
    decide(room, key, "bob", bob, round=round, new_question=more.get("wording"), comment=more.get("comment"))


def dispute(room: Room, key: str, **more: str) -> None:
    both(room, key, "A", "B")
    both(room, key, "A", "B", SECOND, **more)


def sent(
    tab: Tab, key: str, choice: str = "answer:A", *, based_on: int = 0, comment: str = "it is so", query: str = "",
    part: bool = False, **fields: str,
) -> httpx2.Response:  # fmt: skip
    form = {"round": "adjudication", "based_on": str(based_on), "save_id": str(uuid4()), "choice": choice,
            "comment": comment, **fields}  # fmt: skip
    return tab.submit(f"/adjudication/{key}/judgement{query}", form, part=part)


def lines_of(page: str) -> list[str]:
    return re.findall(r'href="/adjudication/(q[0-9a-f]{16})[^"]*" data-line', page)


def decided(room: Room, key: str) -> Judgement:
    state = room.state(key)
    assert state is not None
    assert state.judgement is not None
    return state.judgement


# --- who may ---


def test_the_pages_do_not_exist_for_readers(pages: Pages) -> None:
    key = keys_of(pages.room)[0]
    dispute(pages.room, key)
    before = len(list(pages.room.events()))
    ann = pages.ann
    assert ann.get("/adjudication").status_code == 404
    assert ann.get(f"/adjudication/{key}").status_code == 404
    assert sent(ann, key).status_code == 404
    for what in ("undo", "models-shown", "mask-shown"):
        form = {"based_on": "0", "save_id": str(uuid4())}
        assert ann.submit(f"/adjudication/{key}/{what}", form).status_code == 404
    assert len(list(pages.room.events())) == before


def test_nothing_without_signing_in_or_with_a_foreign_form(pages: Pages) -> None:
    key = keys_of(pages.room)[0]
    dispute(pages.room, key)
    answer = pages.stranger().get(f"/adjudication/{key}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    chris = pages.chris
    chris.csrf = "0" * 64
    assert sent(chris, key).status_code == 403
    for what in ("models-shown", "mask-shown", "undo"):
        assert chris.submit(f"/adjudication/{key}/{what}").status_code == 403
    assert not pages.room.has_seen(key, "chris", EventKind.MODELS_SHOWN)
    assert not pages.room.has_seen(key, "chris", EventKind.MASK_SHOWN)


@pytest.mark.parametrize("key", ["q0000000000000000", "q..%2F..%2Fetc", "x"])
def test_a_question_that_is_not_there(pages: Pages, key: str) -> None:
    chris = pages.chris
    assert chris.get(f"/adjudication/{key}").status_code == 404
    assert sent(chris, key).status_code == 404
    assert chris.submit(f"/adjudication/{key}/models-shown").status_code == 404


# --- the list ---


def test_disputed_first_then_second_round_then_agreed_then_adjudicated(pages: Pages) -> None:
    keys = keys_of(pages.room)
    both(pages.room, keys[0], "A", "A")
    dispute(pages.room, keys[1])
    both(pages.room, keys[2], "A", "B")
    dispute(pages.room, keys[3])
    dispute(pages.room, keys[4])
    decide(pages.room, keys[5], "ann", "A")  # still blind: not on the list
    chris = pages.chris
    assert sent(chris, keys[3]).headers["location"] == f"/adjudication/{keys[4]}"
    page = chris.get("/adjudication").text
    assert lines_of(page) == [keys[1], keys[4], keys[2], keys[0], keys[3]]
    said = re.sub(r"<[^>]+>", "", page)
    for words in ("2 disputed", "1 in the second round", "1 agreed", "1 adjudicated", "5 in the first round",
                  "10 in all"):  # fmt: skip
        assert words in said


def test_filters_by_status_type_source_and_difference(pages: Pages) -> None:
    keys = keys_of(pages.room)
    types = {one.key: one.item.reported_type for one in pages.room.items()}
    for key in keys[:4]:
        dispute(pages.room, key)
    both(pages.room, keys[4], "A", "A")
    decide(pages.room, keys[5], "ann", "A")
    decide(pages.room, keys[5], "bob", reason=RejectReason.POOR_IMAGE)
    decide(pages.room, keys[6], "ann", "A")
    decide(pages.room, keys[6], "bob", "A", new_question="Is it?")
    chris = pages.chris

    def shown(query: str) -> list[str]:
        return lines_of(chris.get(f"/adjudication?{query}").text)

    assert shown("status=agreed&kind=") == [keys[4]]
    assert shown("kind=verdict") == [keys[5]]
    assert shown("kind=wording") == [keys[6]]
    assert shown("kind=answer") == keys[:4]
    assert shown("kind=answer&status=second_round") == []
    wanted = types[keys[0]]
    assert shown(f"type={wanted}") == [one for one in keys[:7] if types[one] == wanted]
    assert sorted(shown("source=collection_07")) == keys[:7]
    assert shown("source=elsewhere") == []
    for wrong in ("status=nowhere", "kind=color", "status=first_round", "status=<script>"):
        answer = chris.get(f"/adjudication?{wrong}")
        assert answer.status_code == 422
        assert "no such filter" in answer.text
        assert "<script>" not in re.sub(r"<script src", "", answer.text)


def test_filters_go_along_to_the_question_and_the_next_one(pages: Pages) -> None:
    keys = keys_of(pages.room)
    types = {one.key: one.item.reported_type for one in pages.room.items()}
    for key in keys:
        dispute(pages.room, key)
    wanted = types[keys[0]]
    same = [key for key in keys if types[key] == wanted]
    chris, query = pages.chris, f"?type={wanted}"
    page = chris.get(f"/adjudication/{same[0]}{query}").text
    assert f'href="/adjudication/{same[1]}{query}" data-next' in page
    assert sent(chris, same[0], query=query).headers["location"] == f"/adjudication/{same[1]}{query}"
    assert sent(chris, same[1], query=query).headers["location"].startswith("/adjudication/")
    # None of this type is left: the next disputed question of any.
    left = [key for key in keys if key not in same]
    assert sent(chris, left[-1]).headers["location"] == f"/adjudication/{left[0]}"


def subjects(n: int) -> dict[str, Subject]:
    return {f"q{i:016x}": Subject(key=f"q{i:016x}", question_type="size", source="-", question="?") for i in range(n)}


def test_a_list_of_real_size_comes_in_pages() -> None:
    all_of = subjects(3190)
    keys = list(all_of)
    by_status = {ItemStatus.AGREED: keys[:3000], ItemStatus.DISPUTED: keys[3000:], ItemStatus.FIRST_ROUND: keys}
    found = listed(all_of, by_status, Filters())
    assert found == keys[3000:] + keys[:3000]
    assert (page_of(found, 64).keys, page_of(found, 64).count) == (tuple(found[3150:]), 64)
    assert page_of(found, 999).number == 64
    assert page_of(found, -3).keys == tuple(found[:50])
    assert (page_of([], 5).number, page_of([], 5).count, page_of([], 5).keys) == (1, 1, ())


def test_a_question_that_moved_between_two_looks_is_there_once() -> None:
    all_of = subjects(1)
    (key,) = all_of
    assert listed(all_of, {ItemStatus.DISPUTED: [key], ItemStatus.AGREED: [key]}, Filters()) == [key]


# --- one question ---


def test_both_rounds_side_by_side_by_name_with_what_differs(pages: Pages) -> None:
    key = keys_of(pages.room)[0]
    dispute(pages.room, key, comment="it <b>glows</b>", wording="Which kind of tumor is shown?")
    page = pages.chris.get(f"/adjudication/{key}").text
    head = page[page.index("<thead>") : page.index("</thead>")]
    assert re.findall(r"<bdi>(\w+)</bdi><br><span class=\"small\">([\w ]+)<", head) == [
        ("ann", "first round"), ("bob", "first round"), ("ann", "second round"), ("bob", "second round")
    ]  # fmt: skip
    answers = page[page.index(">Answer</th>") : page.index(">Reason to reject</th>")]
    assert answers.count('class="differs"') + answers.count("class=differs") == 4
    assert answers.count('differs</span> <span class="small">from <bdi>bob') == 2
    verdicts = page[page.index(">Verdict</th>") : page.index(">Answer</th>")]
    assert "differs" not in verdicts
    assert "1 min 02 s" in page
    assert "it &lt;b&gt;glows&lt;/b&gt;" in page
    assert '<ins><span class="change-word">inserted</span>' in page
    assert "came too late" not in page


def test_wording_marks_are_elements_with_words(pages: Pages) -> None:
    key = next(one.key for one in pages.room.items() if one.item.question == "How large is the lesion?")
    dispute(pages.room, key, wording="How wide is the lesion?")
    page = pages.chris.get(f"/adjudication/{key}").text
    assert (
        'How <del><span class="change-word">deleted</span> large</del>'
        '<ins><span class="change-word">inserted</span> wide</ins> is the lesion?'
    ) in page
    assert 'data-wording="How wide is the lesion?"' in page
    assert 'data-wording="How large is the lesion?"' in page


def test_the_benchmarks_answer_is_marked_and_nothing_names_the_file(pages: Pages) -> None:
    for held in list(pages.room.items())[:4]:
        dispute(pages.room, held.key)
        answer = pages.chris.get(f"/adjudication/{held.key}")
        marked = re.findall(r'value="answer:(\w)"[^>]* data-proposed', answer.text)
        assert marked == [held.item.answer]
        said = answer.text + str(answer.headers)
        for hidden in (held.item.image_path, held.item.image_id, held.item.slice_id, str(held.item.group_id)):
            assert hidden not in said
        assert answer.headers["cache-control"] == "no-store"


def test_the_history_is_there_in_order_and_words(pages: Pages) -> None:
    key = keys_of(pages.room)[0]
    dispute(pages.room, key)
    pages.room.note_shown(key, "ann", SECOND, EventKind.MASK_SHOWN)
    page = pages.chris.get(f"/adjudication/{key}").text
    history = page[page.index('<ol class="history">') :]
    numbers = [int(one) for one in re.findall(r'muted small">(\d+) ·', history)]
    assert numbers == sorted(numbers) == [one.seq for one in pages.room.events(key)]
    assert "had the outline of the lesion shown" in history
    assert "shown after judging" in page


def test_nothing_can_be_decided_while_the_first_round_runs(pages: Pages) -> None:
    key = keys_of(pages.room)[0]
    decide(pages.room, key, "ann", "A")
    chris = pages.chris
    page = chris.get(f"/adjudication/{key}")
    assert page.status_code == 200
    assert "nothing can be decided yet" in page.text
    assert "data-judgement" not in page.text
    assert sent(chris, key).status_code == 404
    assert chris.submit(f"/adjudication/{key}/mask-shown").status_code == 404
    assert len(list(pages.room.events(key))) == 1


# --- the mask and the models ---


def with_notes(room: Room) -> str:
    return next(one.key for one in room.items() if one.notes and one.mask is not None)


def test_notes_are_hidden_until_asked_and_the_asking_is_in_the_record(pages: Pages) -> None:
    key = with_notes(pages.room)
    dispute(pages.room, key)
    chris = pages.chris
    page = chris.get(f"/adjudication/{key}").text
    assert "model-x" not in page
    assert "2 notes came with this question" in page
    assert not pages.room.has_seen(key, "chris", EventKind.MODELS_SHOWN)  # looking is not asking
    answer = chris.submit(f"/adjudication/{key}/models-shown")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/adjudication/{key}#models")
    assert [(one.reader, one.round) for one in pages.room.events(key) if one.kind is EventKind.MODELS_SHOWN] == [
        ("chris", LAST)
    ]
    page = chris.get(f"/adjudication/{key}").text
    assert "model-x" in page
    assert "prediction" in page


def test_notes_come_alone_where_a_script_asks_and_only_once_into_the_record(pages: Pages) -> None:
    key = with_notes(pages.room)
    dispute(pages.room, key)
    chris = pages.chris
    for _ in range(2):
        part = chris.submit(f"/adjudication/{key}/models-shown", part=True)
        assert part.text.lstrip().startswith('<section id="models"')
        assert "model-y" in part.text
    assert sum(one.kind is EventKind.MODELS_SHOWN for one in pages.room.events(key)) == 1


def test_what_one_adjudicator_asked_for_is_not_shown_to_another(pages: Pages) -> None:
    key = with_notes(pages.room)
    dispute(pages.room, key)
    chris, dora = pages.chris, second(pages)
    chris.submit(f"/adjudication/{key}/models-shown")
    chris.submit(f"/adjudication/{key}/mask-shown")
    page = dora.get(f"/adjudication/{key}").text
    assert "model-x" not in page
    assert f'data-mask-ask-url="/adjudication/{key}/mask-shown"' in page
    assert dora.get(f"/slices/{key}/mask").status_code == 403


def test_the_mask_is_served_after_asking_only(pages: Pages) -> None:
    key = with_notes(pages.room)
    dispute(pages.room, key)
    chris = pages.chris
    assert chris.get(f"/slices/{key}/mask").status_code == 403
    assert f'data-mask-ask-url="/adjudication/{key}/mask-shown"' in chris.get(f"/adjudication/{key}").text
    assert chris.submit(f"/adjudication/{key}/mask-shown").status_code == 204
    assert pages.room.has_seen(key, "chris", EventKind.MASK_SHOWN)
    assert "data-mask-ask-url" not in chris.get(f"/adjudication/{key}").text
    assert set(chris.get(f"/slices/{key}/mask").content) == {0, 1}


# --- deciding ---


def second(pages: Pages) -> Tab:
    People(pages.room).enroll("dora", Role.ADJUDICATOR)
    pages.tokens["dora"] = People(pages.room).invite("dora")
    return pages.tab("dora")


def test_a_decision_with_its_reason_stands(pages: Pages) -> None:
    held = next(iter(pages.room.items()))
    dispute(pages.room, held.key)
    answer = sent(pages.chris, held.key, "answer:B", comment=" two readers\r\nagree ", elapsed_s="12.5",
                  new_question="Which one is it?")  # fmt: skip
    assert (answer.status_code, answer.headers["location"]) == (303, "/adjudication")
    said = decided(pages.room, held.key)
    assert (said.answer, said.comment, said.new_question) == ("B", "two readers\nagree", "Which one is it?")
    *_, event = pages.room.events(held.key)
    assert (event.reader, event.round, event.elapsed_s, event.version) == ("chris", LAST, 12.5, 1)


@pytest.mark.parametrize("comment", ["", "  \n "])
@pytest.mark.parametrize("choice", ["answer:A", "answer:B", "unanswerable", "reject"])
def test_a_decision_without_a_reason_is_refused_in_one_line(pages: Pages, choice: str, comment: str) -> None:
    key = keys_of(pages.room)[0]
    dispute(pages.room, key)
    chris, before = pages.chris, len(list(pages.room.events()))
    more = {"reason": "poor_image"} if choice == "reject" else {}
    part = sent(chris, key, choice, comment=comment, part=True, **more)
    assert (part.status_code, part.headers["hx-retarget"]) == (422, "#problem")
    assert part.text == "a decision needs a reason: say in the comment why"
    whole = sent(chris, key, choice, comment=comment, new_question="Kept <i>text</i>?", **more)
    assert whole.status_code == 422
    assert "a decision needs a reason" in whole.text
    assert "Kept &lt;i&gt;text&lt;/i&gt;?</textarea>" in whole.text  # what was typed is still there
    assert len(list(pages.room.events())) == before


def test_a_form_that_is_none(pages: Pages) -> None:
    key = keys_of(pages.room)[0]
    dispute(pages.room, key)
    chris = pages.chris
    assert chris.submit(f"/adjudication/{key}/judgement", {"comment": "x", "choice": "answer:A"}).status_code == 422
    assert sent(chris, key, round="first").status_code == 422
    assert sent(chris, key, "answer:Z").status_code == 422
    assert sent(chris, key, "").status_code == 422
    assert pages.room.state(key).status is ItemStatus.DISPUTED  # type: ignore[union-attr]


def test_an_agreed_question_and_one_in_the_second_round_may_be_decided(pages: Pages) -> None:
    agreed, again = keys_of(pages.room)[:2]
    both(pages.room, agreed, "A", "A")
    both(pages.room, again, "A", "B")
    chris = pages.chris
    assert "A decision overrules them" in chris.get(f"/adjudication/{agreed}").text
    assert "ends their second round" in chris.get(f"/adjudication/{again}").text
    for key in (agreed, again):
        assert sent(chris, key, "unanswerable", comment="too dark").status_code == 303
        assert decided(pages.room, key).verdict == "unanswerable"


def test_of_two_decisions_neither_is_lost_and_both_are_shown(pages: Pages) -> None:
    key = keys_of(pages.room)[0]
    dispute(pages.room, key)
    chris, dora = pages.chris, second(pages)
    assert sent(chris, key, "answer:A", comment="chris says").status_code == 303
    answer = sent(dora, key, "answer:B", comment="dora <says>")  # she saw the lane before chris decided
    assert answer.status_code == 409
    for words in ("chris says", "dora &lt;says&gt;", '<bdi class="lines">chris</bdi>', "Decided by"):
        assert words in answer.text
    assert decided(pages.room, key).comment == "chris says"
    kept = [
        one.judgement.comment for one in pages.room.events(key) if one.kind is EventKind.CONFLICTED and one.judgement
    ]
    assert kept == ["dora <says>"]
    # The page of the conflict can put hers over his; his stays in the record.
    fields = dict(
        re.findall(
            r'<input type="hidden" name="(\w+)" value="([^"]*)"', answer.text[answer.text.index("data-resolve") :]
        )
    )
    again = dora.submit(f"/adjudication/{key}/judgement", {name: unescape(value) for name, value in fields.items()})
    assert again.status_code == 303
    assert decided(pages.room, key).comment == "dora <says>"
    lane = pages.room.lane(key, "chris", LAST)
    assert lane is not None
    assert (lane.by, lane.version) == ("dora", 2)
    page = chris.get(f"/adjudication/{key}").text
    assert "came too late; kept, but not in force" in page
    assert "chris says" in page


def test_the_same_save_twice_is_one_decision(pages: Pages) -> None:
    key = keys_of(pages.room)[0]
    dispute(pages.room, key)
    chris, save_id = pages.chris, str(uuid4())
    for _ in range(2):
        assert sent(chris, key, save_id=save_id).status_code == 303
    assert sum(one.round is LAST for one in pages.room.events(key)) == 1
    # Another decision under the same id, from a page that was gone back to, is a decision of its own.
    assert sent(chris, key, "answer:B", save_id=save_id, based_on=1).status_code == 303
    assert decided(pages.room, key).answer == "B"


def test_taking_back_brings_back_what_was_before(pages: Pages) -> None:
    key = keys_of(pages.room)[0]
    dispute(pages.room, key)
    chris = pages.chris
    sent(chris, key, "answer:A", comment="first")
    sent(chris, key, "answer:B", comment="second", based_on=1)
    form = {"round": "adjudication", "based_on": "2", "save_id": str(uuid4())}
    answer = chris.submit(f"/adjudication/{key}/undo", form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/adjudication/{key}")
    assert decided(pages.room, key).comment == "first"
    stale = chris.submit(f"/adjudication/{key}/undo", {**form, "save_id": str(uuid4())})
    assert stale.status_code == 409
    assert "somebody has changed this decision" in stale.text
    assert (
        chris.submit(f"/adjudication/{key}/undo", {**form, "based_on": "3", "save_id": str(uuid4())}).status_code == 303
    )
    assert pages.room.state(key).status is ItemStatus.DISPUTED  # type: ignore[union-attr]
    nothing = chris.submit(f"/adjudication/{key}/undo", {**form, "based_on": "4", "save_id": str(uuid4())})
    assert nothing.status_code == 409
    assert "nothing to take back" in nothing.text


def test_the_next_page_offers_to_take_the_last_decision_back(pages: Pages) -> None:
    one, two = keys_of(pages.room)[:2]
    dispute(pages.room, one)
    dispute(pages.room, two)
    chris = pages.chris
    part = sent(chris, one, part=True)
    assert (part.status_code, part.headers["hx-push-url"]) == (200, f"/adjudication/{two}")
    assert f'action="/adjudication/{one}/undo"' in part.text
    assert "<html" not in part.text
    assert f'action="/adjudication/{one}/undo"' not in second(pages).get(f"/adjudication/{two}").text


# --- hostile texts ---


class Elements(HTMLParser):
    """What a browser makes of a page: names of its elements, and what would run in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.scripted: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        given = dict(attrs)
        wrong = [name for name in given if name.startswith("on") or name == "style"]
        if tag == "script" and not str(given.get("src")).startswith("/static/"):
            wrong.append("script")
        self.scripted += wrong


def test_hostile_texts_stay_text(tmp_path: Path) -> None:
    note = ModelNote(reader=HOSTILE, kind="<i>kind</i>", statements={HOSTILE: HOSTILE})
    held = item_with(HOSTILE, (HOSTILE, "b & <b>"), notes=(note,))
    held = held.model_copy(update={"item": held.item.model_copy(update={"source_id": HOSTILE})})
    write_pictures(tmp_path / "images", 2)
    with Room(tmp_path / "room.sqlite", create=True) as room:
        room.set_up(room_settings(), [held], PEOPLE, [Assignment(key=held.key, reader=one) for one in ("ann", "bob")])
        pages = Pages(room, tmp_path / "images")
        dispute(room, held.key, comment=HOSTILE, wording=HOSTILE.replace("alert(1)", "alert(3)"))
        chris, dora = pages.chris, second(pages)
        chris.submit(f"/adjudication/{held.key}/models-shown")
        sent(chris, held.key, comment=HOSTILE)
        answers = [
            chris.get("/adjudication"),
            chris.get(f"/adjudication/{held.key}"),
            sent(dora, held.key, comment=HOSTILE + "!"),
            sent(dora, held.key, "reject", comment=HOSTILE),
        ]
        assert [one.status_code for one in answers] == [200, 200, 409, 422]
        for answer in answers:
            found = Elements(answer.text)
            assert found.names.isdisjoint({"img", "b", "i", "iframe", "object", "style", "base"})
            assert not found.scripted
            assert "{{ 7*7 }}" in answer.text
        assert HOSTILE in unescape(answers[1].text)


def test_every_room_item_has_a_page(pages: Pages) -> None:
    chris = pages.chris
    for held in room_items(10):
        dispute(pages.room, held.key)
        assert chris.get(f"/adjudication/{held.key}").status_code == 200
