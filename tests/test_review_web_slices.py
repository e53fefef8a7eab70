"""Pixel values and outlines of a review room: what is sent, to whom, and what an unreadable file says."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from neuroonco.images import read_image
from neuroonco.review.room import Room
from neuroonco.review.room_records import Assignment, EventKind, Person, Role, Round
from neuroonco.review.web import slices
from neuroonco.review.web.slices import Cache, Values
from neuroonco.viewer.records import SliceFacts
from review_pages import Pages, Tab, pages_over
from review_rooms import SIDE_PX


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    with pages_over(tmp_path, 6) as made:
        yield made


def key_with(pages: Pages, *, mask: bool, path: str = "") -> str:
    return next(h.key for h in pages.room.items() if (h.mask is not None) is mask and path in h.item.image_path)


def facts_of(header: str) -> SliceFacts:
    return SliceFacts.model_validate_json(header)


def test_values_are_those_of_the_file(pages: Pages) -> None:
    for held in pages.room.items():
        answer = pages.ann.get(f"/slices/{held.key}/values")
        facts = facts_of(answer.headers["x-slice-facts"])
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["cache-control"] == "private, max-age=3600"
        assert (facts.width_px, facts.height_px) == (SIDE_PX, SIDE_PX)
        sent = np.frombuffer(answer.content, dtype="<u2" if facts.bits == 16 else np.uint8)
        if facts.bits == 8 and facts.channels == 1:
            stored = read_image(pages.root, held.item.image_path)
            assert np.array_equal(sent.reshape(stored.shape), stored)
        else:
            assert (facts.bits, facts.channels) == ((16, 1) if "slice_1" in held.item.image_path else (8, 3))
            assert sent.size == SIDE_PX * SIDE_PX * facts.channels


def test_an_outline_is_served_once_it_was_asked_for_and_by_the_one_who_asked(pages: Pages) -> None:
    ann, key = pages.ann, key_with(pages, mask=True)
    assert ann.get(f"/slices/{key}/mask").status_code == 403
    assert ann.submit(f"/items/{key}/mask-shown?round=first").status_code == 204
    answer = ann.get(f"/slices/{key}/mask")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    sent = np.frombuffer(answer.content, dtype=np.uint8).reshape(SIDE_PX, SIDE_PX)
    assert set(np.unique(sent)) == {0, 1}
    assert sent[20, 28] == 1
    assert sent[0, 0] == 0
    assert pages.bob.get(f"/slices/{key}/mask").status_code == 403
    assert pages.chris.get(f"/slices/{key}/mask").status_code == 403
    assert ann.submit(f"/items/{key}/mask-shown", {"round": "first"}).status_code == 204
    shown = [(event.key, event.reader, event.round, event.kind) for event in pages.room.events()]
    assert shown == [(key, "ann", Round.FIRST, EventKind.MASK_SHOWN)]


def test_what_has_no_outline_is_offered_one_all_the_same_and_says_so_when_asked(pages: Pages) -> None:
    ann, with_one, without = pages.ann, key_with(pages, mask=True), key_with(pages, mask=False)
    offers = [ann.get(f"/items/{key}").text.replace(key, "KEY") for key in (with_one, without)]
    control = 'data-mask-url="/slices/KEY/mask" data-mask-ask-url="/items/KEY/mask-shown?round=first"'
    assert all(control in page for page in offers)
    assert ann.get(f"/slices/{without}/mask").status_code == 403
    assert ann.submit(f"/items/{without}/mask-shown").status_code == 204
    assert ann.get(f"/slices/{without}/mask").status_code == 404


def test_only_readers_of_a_question_and_adjudicators_see_its_slice(pages: Pages) -> None:
    key = key_with(pages, mask=True)
    outsider = add_reader(pages, "dora", [key_with(pages, mask=False)])
    for place in ("values", "mask"):
        assert outsider.get(f"/slices/{key}/{place}").status_code == 404
    assert outsider.get(f"/slices/{key_with(pages, mask=False)}/values").status_code == 200
    assert pages.chris.get(f"/slices/{key}/values").status_code == 200
    for name in ("q0123456789abcdef", "..%2f..%2fetc%2fpasswd", "glioma_image_0", "q" + "g" * 16):
        assert pages.chris.get(f"/slices/{name}/values").status_code == 404
        assert pages.ann.submit(f"/items/{name}/mask-shown").status_code == 404


@pytest.mark.parametrize("broken", ["missing", "no picture", "a link outside"])
def test_an_unreadable_picture_says_its_code_and_the_log_says_where(
    pages: Pages, broken: str, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    key = key_with(pages, mask=True, path="glioma")
    held = pages.room.item(key)
    assert held is not None
    path = pages.root / held.item.image_path
    content = path.read_bytes()
    path.unlink()
    if broken == "no picture":
        path.write_text("<script>")
    elif broken == "a link outside":
        (tmp_path / "elsewhere.png").write_bytes(content)
        path.symlink_to(tmp_path / "elsewhere.png")
    with caplog.at_level(logging.ERROR):
        answer = pages.ann.get(f"/slices/{key}/values")
    assert answer.status_code == 410
    assert answer.text.startswith("the picture cannot be read (")
    assert "glioma" not in answer.text + str(dict(answer.headers))
    assert held.item.image_path in caplog.text
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    assert pages.ann.get(f"/slices/{key}/values").status_code == 200


def test_a_mask_of_another_size_is_not_laid_over_the_picture(pages: Pages) -> None:
    key = key_with(pages, mask=True)
    held = pages.room.item(key)
    assert held is not None
    assert held.mask is not None
    big = pages.root / held.mask.path
    from PIL import Image

    Image.new("L", (SIDE_PX + 1, SIDE_PX)).save(big)
    pages.ann.submit(f"/items/{key}/mask-shown")
    answer = pages.ann.get(f"/slices/{key}/mask")
    assert (answer.status_code, answer.text) == (410, "the picture cannot be read (MASK_SIZE)")


def test_pictures_are_decoded_once(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[str] = []
    before = slices.read_values

    def counting(root: Path, ref: object) -> object:
        decoded.append(str(ref))
        return before(root, ref)  # type: ignore[arg-type]

    monkeypatch.setattr(slices, "read_values", counting)
    key = key_with(pages, mask=True)
    bodies = {tab.get(f"/slices/{key}/values").content for tab in (pages.ann, pages.ann, pages.bob)}
    assert (len(bodies), len(decoded)) == (1, 1)


def test_the_cache_keeps_what_was_asked_for_last_within_its_bounds() -> None:
    facts = SliceFacts(
        width_px=1, height_px=1, channels=1, bits=8, slope=1, intercept=0, center=1, width=1, least=0, most=1
    )
    made: list[str] = []

    def decoder(key: str, size: int = 4) -> Values:
        made.append(key)
        return Values(bytes(size), facts)

    cache = Cache(max_bytes=10)
    for key in ("a", "b", "a", "c", "a", "b"):  # c pushes b out, which was not asked for since
        cache.get(key, lambda key=key: decoder(key))  # type: ignore[misc]
    assert made == ["a", "b", "c", "b"]
    assert len(cache.get("huge", lambda: decoder("huge", 11)).body) == 11
    cache.get("huge", lambda: decoder("huge", 11))
    assert made[-2:] == ["huge", "huge"]


def add_reader(pages: Pages, name: str, keys: list[str]) -> Tab:
    """Somebody who reads some of the questions."""
    room: Room = pages.room
    person = Person(name=name, role=Role.READER)
    held = list(room.items())
    room.set_up(room.settings(), held, [person], [Assignment(key=key, reader=name) for key in keys])
    from neuroonco.review.people import People

    pages.tokens[name] = People(room).invite(name)
    return pages.tab(name)
