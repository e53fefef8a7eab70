"""The slice viewer in a real browser: the gray that it shows is the gray that the formula says."""

import base64
import math
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from browser import OpenContext, axe
from neuroonco.viewer.window_table import center_and_width, window_table
from viewer_pages import (
    INK,
    TOKEN,
    VIEWER,
    Site,
    Slice,
    canvas_pixel,
    inked,
    served_site,
    shown_pixels,
    slices,
    state_of,
    wait_shown,
    write_file_page,
)

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

KNOWN = slices()
KINDS = sorted(KNOWN)
HARD = ("color", "fine16")
"""Where only what is done with the pixels differs: three channels, and 16 bits with a slope."""
HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}'


@pytest.fixture
def site() -> Iterator[Site]:
    with served_site(KNOWN) as served:
        yield served


Show = Callable[..., Slice]


@pytest.fixture
def show(page: "Page", site: Site) -> Show:
    """Open the page of a slice and wait until it is shown."""

    def opened(name: str, mask: str = "none") -> Slice:
        page.goto(f"{site.address}/page/{name}?mask={mask}")
        wait_shown(page)
        return KNOWN[name]

    return opened


def canvas(page: "Page") -> "Locator":
    return page.locator(".slice-viewer__canvas")


def drag(page: "Page", dx: float, dy: float, button: Any = "left") -> None:
    state = state_of(page)
    x, y = state["x"] + state["wide"] / 2, state["y"] + state["high"] / 2
    page.mouse.move(x, y)
    page.mouse.down(button=button)
    page.mouse.move(x + dx / 2, y + dy / 3)
    page.mouse.move(x + dx, y + dy)
    page.mouse.up(button=button)


def assert_shows(page: "Page", one: Slice, center: float, width: float, invert: bool = False) -> None:
    state = state_of(page)
    assert (state["center"], state["width"]) == pytest.approx((center, width), rel=1e-12)
    assert state["inverted"] == invert
    expected = one.gray(state["center"], state["width"], invert)
    np.testing.assert_array_equal(shown_pixels(page, one), expected)
    assert len(np.unique(expected)) > 2


# -- window


@pytest.mark.parametrize("name", KINDS)
def test_pixels_are_those_of_the_window_formula(page: "Page", show: Show, name: str) -> None:
    one = show(name)
    facts = one.facts
    assert_shows(page, one, facts.center, facts.width)
    assert page.evaluate(f"() => ({VIEWER}).facts") == facts.model_dump()
    center, width = facts.least + one.range * 0.41, one.range * 0.3
    page.evaluate(f"([c, w]) => ({VIEWER}).setWindow(c, w)", [center, width])
    assert_shows(page, one, center, width)
    page.keyboard.press("i")
    assert_shows(page, one, center, width, invert=True)


@pytest.mark.parametrize("name", KINDS)
def test_tables_equal_the_reference_for_many_windows(page: "Page", show: Show, name: str) -> None:
    one, rng = show(name), random.Random(3)
    facts = one.facts
    least = 1.0 if facts.slope == 1 else facts.slope
    windows = [(facts.center, least, False), (facts.least, one.range, True), (facts.center + 0.5, least * 2, False)]
    for _ in range(20):
        center = facts.least + one.range * rng.uniform(-0.5, 1.5)
        whole = rng.random() < 0.5
        width = least + one.range * rng.random() ** 3
        windows.append((float(round(center)), float(round(width) + 1), False) if whole else (center, width, True))
    encoded = page.evaluate(
        f"""windows => windows.map(([c, w, i]) => {{ let text = "";
        for (const gray of ({VIEWER}).tableFor(c, w, i)) text += String.fromCharCode(gray); return btoa(text); }})""",
        windows,
    )
    for (center, width, invert), table in zip(windows, encoded, strict=True):
        expected = window_table(facts.bits, facts.slope, facts.intercept, center, width, invert)
        np.testing.assert_array_equal(np.frombuffer(base64.b64decode(table), np.uint8), expected, str((center, width)))


@pytest.mark.parametrize("name", HARD)
def test_dragging_right_widens_and_dragging_down_darkens(page: "Page", show: Show, name: str) -> None:
    one = show(name)
    drag(page, 60, 40)
    per_pixel = one.range / 512
    assert_shows(page, one, one.facts.center + 40 * per_pixel, one.facts.width + 60 * per_pixel)
    assert shown_pixels(page, one).mean() < one.gray(one.facts.center, one.facts.width).mean()
    page.mouse.dblclick(state_of(page)["x"] + 20, state_of(page)["y"] + 20)
    assert_shows(page, one, one.facts.center, one.facts.width)


def test_no_drag_makes_a_window_too_narrow_for_the_formula(page: "Page", show: Show) -> None:
    one = show("gray16")
    drag(page, -600, 0)
    state = state_of(page)
    assert state["width"] == 1
    np.testing.assert_array_equal(shown_pixels(page, one), one.gray(state["center"], 1.0))


@pytest.mark.parametrize("name", ["gray8", "fine16"])
def test_presets_by_button_and_by_key(page: "Page", show: Show, name: str) -> None:
    one = show(name)
    facts = one.facts
    full = center_and_width(facts.least, facts.most, facts.slope)
    windows = [
        ("Full range", "full", full),
        ("Brighter", "bright", (facts.center - facts.width / 4, facts.width)),
        ("Darker", "dark", (facts.center + facts.width / 4, facts.width)),
        ("More contrast", "narrow", (facts.center, facts.width / 2)),
        ("Default", "default", (facts.center, facts.width)),
    ]
    for label, key, window in windows:
        page.get_by_role("button", name=label, exact=True).click()
        assert_shows(page, one, *window)
        assert page.locator("[data-preset][aria-pressed=true]").get_attribute("data-preset") == key
    for _, key, window in windows:
        page.keyboard.press("]")
        assert state_of(page)["preset"] == key
        assert_shows(page, one, *window)
    page.keyboard.press("[")
    assert state_of(page)["preset"] == "narrow"
    brighter, plain = one.gray(*windows[1][2]).mean(), one.gray(facts.center, facts.width).mean()
    assert brighter > plain > one.gray(*windows[2][2]).mean()
    page.keyboard.press("Tab")
    drag(page, 10, 0)
    assert page.locator("[data-preset][aria-pressed=true]").count() == 0


def test_full_range_shows_the_least_black_and_the_most_white(page: "Page", show: Show) -> None:
    one = show("gray16")
    page.get_by_role("button", name="Full range").click()
    shown = shown_pixels(page, one)[:, :, 0]
    assert shown[one.stored == one.stored.min()].max() == 0
    assert shown[one.stored == one.stored.max()].min() == 255
    assert ((shown == 0) == (one.stored <= one.stored.min() + 8)).all()


def test_window_can_be_typed(page: "Page", show: Show) -> None:
    one = show("gray16")
    page.get_by_text("Numbers, moving and keys").click()
    page.get_by_label("Window width").fill("1500.5")
    page.get_by_label("Window center").fill("-12.25")
    page.get_by_label("Window center").press("Enter")
    assert_shows(page, one, -12.25, 1500.5)
    page.get_by_label("Window center").fill("")
    page.get_by_label("Window center").press("Tab")
    assert_shows(page, one, -12.25, 1500.5)
    page.evaluate(f"() => ({VIEWER}).setWindow(100 / 3, 900)")
    page.get_by_label("Window width").fill("800")
    page.get_by_label("Window width").press("Tab")
    assert_shows(page, one, 100 / 3, 800)


# -- zoom and place


def test_canvas_shows_slice_pixels_where_the_placement_says(page: "Page", show: Show) -> None:
    one = show("gray16")
    page.keyboard.press("]")
    for _ in range(8):
        page.get_by_role("button", name="Zoom in").click()
    state = state_of(page)
    assert state["zoom"] == pytest.approx(1.25**8)
    fit = min(state["wide"] / one.facts.width_px, state["high"] / one.facts.height_px)
    assert state["scale"] == pytest.approx(fit * state["zoom"])
    gray = shown_pixels(page, one)
    seen = set()
    for x, y in [(33, 24), (34, 24), (36, 26), (35, 25), (33, 26)]:
        left, top = state["left"] + (x + 0.5) * state["scale"], state["top"] + (y + 0.5) * state["scale"]
        assert canvas_pixel(page, left, top) == gray[y, x].tolist()
        seen.add(int(gray[y, x, 0]))
    assert len(seen) > 2


def test_wheel_zooms_about_the_pointer(page: "Page", show: Show) -> None:
    show("gray8")
    before = state_of(page)
    x, y = (math.floor(before["x"] + before["wide"] * 0.55), math.floor(before["y"] + before["high"] * 0.3))
    page.mouse.move(x, y)
    page.mouse.wheel(0, -200)
    page.wait_for_function(f"() => ({VIEWER}).zoom !== 1")
    after = state_of(page)
    assert after["zoom"] == pytest.approx(2**0.5)
    for at, corner in ((x - before["x"], "left"), (y - before["y"], "top")):
        place = (at - before[corner]) / before["scale"]
        assert (at - after[corner]) / after["scale"] == pytest.approx(place)
    assert page.evaluate("() => scrollY") == 0
    page.mouse.wheel(0, 100_000)
    page.wait_for_function(f"() => ({VIEWER}).zoom === 0.5")


@pytest.mark.parametrize("how", ["right", "middle", "shift"])
def test_other_buttons_move_the_picture(page: "Page", show: Show, how: str) -> None:
    one = show("gray8")
    before = state_of(page)
    if how == "shift":
        page.keyboard.down("Shift")
    drag(page, 35, -20, button="left" if how == "shift" else how)
    page.keyboard.up("Shift")
    after = state_of(page)
    assert after["left"] - before["left"] == pytest.approx(35)
    assert after["top"] - before["top"] == pytest.approx(-20)
    assert_shows(page, one, one.facts.center, one.facts.width)
    for _ in range(4):
        drag(page, 500, 0, button="right")
    lost = state_of(page)
    assert lost["left"] == pytest.approx(lost["wide"] / 2), "the picture stays in view"


def test_reset_puts_all_back(page: "Page", show: Show) -> None:
    one = show("gray16")
    first = state_of(page)
    for key in ("i", "]", "+", "+"):
        page.keyboard.press(key)
    drag(page, 30, 30, button="right")
    changed = state_of(page)
    assert all(changed[name] != first[name] for name in ("left", "top", "zoom", "inverted", "preset", "width"))
    page.keyboard.press("r")
    assert state_of(page) == first
    assert_shows(page, one, one.facts.center, one.facts.width)


def test_arrows_move_and_shift_arrows_change_the_window(page: "Page", show: Show) -> None:
    one = show("gray16")
    page.keyboard.press("ArrowRight")
    before = state_of(page)
    assert before["left"] == pytest.approx((before["wide"] - one.facts.width_px * before["scale"]) / 2)
    canvas(page).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    after = state_of(page)
    assert after["left"] - before["left"] == pytest.approx(before["wide"] / 10)
    assert after["top"] - before["top"] == pytest.approx(-before["high"] / 10)
    step = 16 * one.range / 512
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    assert_shows(page, one, one.facts.center + step, one.facts.width + 2 * step)
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Shift+ArrowUp")
    assert_shows(page, one, one.facts.center, one.facts.width + step)


def test_keys_are_left_alone_where_text_is_typed_and_with_control(page: "Page", show: Show) -> None:
    one = show("gray8")
    page.get_by_label("Remark").fill("")
    page.get_by_label("Remark").press_sequentially("mir[+r")
    assert page.get_by_label("Remark").input_value() == "mir[+r"
    page.locator("h1").click()
    page.keyboard.press("Control+i")
    page.keyboard.press("Alt+i")
    page.keyboard.press("m")
    assert_shows(page, one, one.facts.center, one.facts.width)
    assert state_of(page)["zoom"] == 1
    page.keyboard.press("I")
    assert state_of(page)["inverted"]


def test_readout_tells_window_zoom_and_the_value_under_the_pointer(page: "Page", show: Show) -> None:
    one = show("gray16")
    state = state_of(page)
    column, row = 13, 41
    page.mouse.move(
        state["x"] + state["left"] + (column + 0.5) * state["scale"],
        state["y"] + state["top"] + (row + 0.5) * state["scale"],
    )
    value = int(one.stored[row, column]) - 1024
    assert page.locator("[data-readout=value]").inner_text() == f"pointer: x 13, y 41, value {value}"
    assert page.locator("[data-readout=window]").inner_text() == "window center 40, width 400"
    assert page.locator("[data-readout=zoom]").inner_text() == "zoom 1×"
    page.mouse.move(state["x"] + 1, state["y"] + 1)
    assert page.locator("[data-readout=value]").inner_text() == "pointer: outside"


def test_status_speaks_of_results_and_not_of_every_move(page: "Page", show: Show) -> None:
    show("gray8")
    page.evaluate("""() => { window.told = []; const status = document.querySelector(".slice-viewer [role=status]");
        new MutationObserver(() => told.push(status.textContent)).observe(status, {childList: true}); }""")
    drag(page, 64, 0)
    page.keyboard.press("i")
    assert page.evaluate("() => told") == ["window center 128, width 287.875", "Inverted"]


def test_canvas_follows_size_and_density_of_the_screen(open_context: OpenContext, site: Site) -> None:
    page = open_context(device_scale_factor=2).new_page()
    page.goto(f"{site.address}/page/gray8")
    wait_shown(page)
    wide, css_wide, high, css_high = page.evaluate(
        """() => { const it = document.querySelector("canvas");
        return [it.width, it.clientWidth, it.height, it.clientHeight]; }"""
    )
    assert (wide, high) == pytest.approx((2 * css_wide, 2 * css_high), abs=2)
    page.set_viewport_size({"width": 700, "height": 500})
    page.wait_for_function("before => document.querySelector('canvas').width < before", arg=wide)
    state, one = state_of(page), KNOWN["gray8"]
    assert state["scale"] == pytest.approx(min(state["wide"] / one.facts.width_px, state["high"] / one.facts.height_px))
    for _ in range(6):
        page.keyboard.press("+")
    state = state_of(page)
    at = [state["left"] + 30.5 * state["scale"], state["top"] + 20.5 * state["scale"]]
    assert canvas_pixel(page, *at) == shown_pixels(page, one)[20, 30].tolist()


# -- touch


def touch(page: "Page", *steps: list[tuple[float, float]]) -> None:
    """Put fingers down, move them from one list of places to the next, and lift them."""
    session = page.context.new_cdp_session(page)
    for at, fingers in enumerate([*steps, []]):
        kind = "touchStart" if at == 0 else "touchMove" if fingers else "touchEnd"
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(fingers)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    session.detach()


def test_one_finger_changes_the_window_and_two_move_and_zoom(open_context: OpenContext, site: Site) -> None:
    page = open_context(has_touch=True).new_page()
    page.goto(f"{site.address}/page/gray16")
    wait_shown(page)
    one, state = KNOWN["gray16"], state_of(page)
    x, y = state["x"] + state["wide"] / 2, state["y"] + state["high"] / 2
    touch(page, [(x, y)], [(x + 3, y)])
    assert_shows(page, one, one.facts.center, one.facts.width)
    touch(page, [(x, y)], [(x + 20, y + 10)], [(x + 64, y - 32)])
    per_pixel = one.range / 512
    assert_shows(page, one, one.facts.center - 32 * per_pixel, one.facts.width + 64 * per_pixel)
    touch(page, [(x - 50, y), (x + 50, y)], [(x - 80, y + 30), (x + 120, y + 30)])
    after = state_of(page)
    assert after["zoom"] == pytest.approx(2)
    # The place between the fingers stays between them: it went 20 right and 30 down.
    for at, corner, moved in ((state["wide"] / 2, "left", 20), (state["high"] / 2, "top", 30)):
        place = (at - state[corner]) / state["scale"]
        assert (at + moved - after[corner]) / after["scale"] == pytest.approx(place)
    assert_shows(page, one, one.facts.center - 32 * per_pixel, one.facts.width + 64 * per_pixel)


# -- outline


@pytest.mark.parametrize("name", HARD)
def test_outline_changes_pixels_inside_the_mask_only(page: "Page", show: Show, name: str) -> None:
    one = show(name, "free")
    gray = one.gray(one.facts.center, one.facts.width)
    button = page.get_by_role("button", name="Outline")
    assert button.get_attribute("aria-pressed") == "false"
    np.testing.assert_array_equal(shown_pixels(page, one), gray)
    page.keyboard.press("m")
    page.locator("button[aria-pressed=true]", has_text="Outline").wait_for()
    np.testing.assert_array_equal(shown_pixels(page, one), inked(gray, one.mask, 0.3))
    for percent in (0, 100, 65):
        page.get_by_label("Fill").fill(str(percent))
        shown = shown_pixels(page, one)
        np.testing.assert_array_equal(shown, inked(gray, one.mask, percent / 100))
        np.testing.assert_array_equal(shown[one.mask == 0], gray[one.mask == 0])
    page.locator("h1").click()
    page.keyboard.press("m")
    np.testing.assert_array_equal(shown_pixels(page, one), gray)
    page.reload()
    wait_shown(page)
    button.click()
    page.locator("button[aria-pressed=true]", has_text="Outline").wait_for()
    np.testing.assert_array_equal(shown_pixels(page, one), inked(gray, one.mask, 0.65))


def test_ink_stands_out_on_black_and_on_white() -> None:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in INK / 255]
    luminance = float(np.dot(linear, [0.2126, 0.7152, 0.0722]))
    assert (luminance + 0.05) / 0.05 > 3
    assert 1.05 / (luminance + 0.05) > 3


def test_without_a_mask_there_is_no_control_for_it(page: "Page", show: Show, site: Site) -> None:
    show("gray8")
    page.keyboard.press("m")
    assert page.get_by_role("button", name="Outline").count() == 0
    assert not [path for _, path, _ in site.asked if "mask" in path]


def test_asking_for_the_outline_is_announced_and_logged_once(page: "Page", show: Show, site: Site) -> None:
    one = show("gray8", "ask")
    page.evaluate("() => { window.told = 0; addEventListener('slice-viewer:mask-shown', () => { told += 1; }); }")
    canvas(page).focus()
    page.keyboard.press("m")
    notice = page.get_by_role("group", name="Before the outline is shown")
    assert "Showing the outline is logged." in notice.inner_text()
    page.keyboard.press("Escape")
    assert notice.is_hidden()
    assert page.evaluate("() => document.activeElement.tagName") == "CANVAS"
    assert site.posts() == []
    page.keyboard.press("m")
    page.get_by_role("button", name="Show it, and log that").dblclick()
    page.locator("button[aria-pressed=true]", has_text="Outline").wait_for()
    for _ in range(2):
        page.keyboard.press("m")
    assert site.posts() == [("POST", "/items/gray8/mask-shown", TOKEN)]
    assert site.asked[-1] == ("GET", "/slices/gray8/mask", None)
    assert page.evaluate("() => told") == 1
    gray = one.gray(one.facts.center, one.facts.width)
    np.testing.assert_array_equal(shown_pixels(page, one), inked(gray, one.mask, 0.3))


def test_a_refused_outline_says_so_and_can_be_asked_for_again(
    page: "Page", show: Show, site: Site, allowed_complaints: list[str]
) -> None:
    allowed_complaints.append("status of 403")
    one = show("gray8", "ask")
    site.status["mask"] = 403
    page.evaluate("() => { window.keys = []; document.addEventListener('keydown', event => keys.push(event.key)); }")
    page.keyboard.press("m")
    page.keyboard.press("Enter")
    assert page.evaluate("() => keys") == ["m"], "the page does not take the Enter of a button for its own"
    trouble = page.get_by_role("alert")
    trouble.wait_for()
    assert trouble.inner_text().startswith("The outline may not be shown to you (403).")
    np.testing.assert_array_equal(shown_pixels(page, one), one.gray(one.facts.center, one.facts.width))
    site.status.clear()
    page.get_by_role("button", name="Try again").click()
    page.locator("button[aria-pressed=true]", has_text="Outline").wait_for()
    assert trouble.is_hidden()
    assert len(site.posts()) == 1


def test_a_picture_without_outline_says_so(page: "Page", show: Show, site: Site, allowed_complaints: list[str]) -> None:
    allowed_complaints.append("status of 404")
    show("gray8", "free")
    site.status["mask"] = 404
    page.keyboard.press("m")
    page.get_by_role("alert").wait_for()
    assert page.get_by_role("alert").inner_text() == "There is no outline of this picture."
    assert page.get_by_role("button", name="Outline").get_attribute("aria-pressed") == "false"


# -- what goes wrong


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (403, "The picture may not be shown to you (403)."),
        (500, "The picture could not be loaded (500)."),
        (303, "You are not signed in any more. Sign in again, and come back to this page."),
    ],
)
def test_a_refused_picture_says_so_in_place(
    page: "Page", site: Site, allowed_complaints: list[str], status: int, text: str
) -> None:
    allowed_complaints.append(f"status of {status}")
    site.status["values"] = status
    page.goto(f"{site.address}/page/gray8?mask=free")
    alert = page.get_by_role("alert")
    alert.wait_for()
    assert alert.locator("p").inner_text() == text
    assert page.get_by_role("button", name="Invert").is_disabled()
    for key in ("i", "m", "+", "r", "]", "ArrowLeft"):
        canvas(page).press(key)
    site.status.clear()
    page.get_by_role("button", name="Try again").click()
    wait_shown(page)
    one = KNOWN["gray8"]
    assert page.get_by_role("alert").count() == 0
    assert_shows(page, one, one.facts.center, one.facts.width)


@pytest.mark.parametrize(
    ("header", "body", "text"),
    [
        (None, b"\0" * 100, "100 bytes, expected 3072"),
        ("{}", None, "makes no sense"),
        ("not JSON", None, "makes no sense"),
        ("null", None, "makes no sense"),
        (KNOWN["gray8"].facts.model_dump_json().replace("64", "1e9"), None, "makes no sense"),
        (KNOWN["gray8"].facts.model_dump_json().replace('"bits":8', '"bits":12'), None, "makes no sense"),
    ],
)
def test_damaged_data_are_not_shown(
    page: "Page", site: Site, header: str | None, body: bytes | None, text: str
) -> None:
    site.header = header
    if body is not None:
        site.body["values"] = body
    page.goto(f"{site.address}/page/gray8")
    page.get_by_role("alert").wait_for()
    assert re.match("The picture data are damaged: .*" + text, page.get_by_role("alert").locator("p").inner_text())


def test_a_server_that_is_gone_is_named(page: "Page", show: Show, site: Site, allowed_complaints: list[str]) -> None:
    allowed_complaints.append("ERR_FAILED")
    show("gray8", "free")
    page.route("**/mask", lambda route: route.abort())
    page.keyboard.press("m")
    page.get_by_role("alert").wait_for()
    assert "the server cannot be reached" in page.get_by_role("alert").inner_text()


# -- the page around


def test_htmx_brings_another_viewer_and_takes_the_first_away(page: "Page", show: Show) -> None:
    show("gray8")
    page.keyboard.press("i")
    page.evaluate(f"() => {{ window.first = {VIEWER}; }}")
    page.get_by_role("button", name="Another").click()
    page.wait_for_function(f"() => ({VIEWER}) !== first && ({VIEWER}).state === 'shown'")
    assert page.evaluate("() => neuroonco.viewers.size") == 1
    one = KNOWN["gray16"]
    assert_shows(page, one, one.facts.center, one.facts.width)
    page.keyboard.press("i")
    assert_shows(page, one, one.facts.center, one.facts.width, invert=True)
    assert page.evaluate("() => first.inverted"), "the viewer that left hears no key"


def test_a_hostile_label_stays_text(page: "Page", site: Site) -> None:
    site.label = HOSTILE
    page.add_init_script("window.alert = text => console.error(`a script ran: ${text}`)")
    page.goto(f"{site.address}/page/gray8")
    wait_shown(page)
    assert canvas(page).get_attribute("aria-label") == HOSTILE
    assert page.locator("#place img, #place script").count() == 0


@pytest.mark.parametrize("name", HARD)
def test_a_file_with_its_picture_inside_needs_no_server(page: "Page", tmp_path: Path, name: str) -> None:
    one = KNOWN[name]
    page.goto(write_file_page(tmp_path, one, HOSTILE))
    wait_shown(page)
    assert_shows(page, one, one.facts.center, one.facts.width)
    page.keyboard.press("m")
    gray = one.gray(one.facts.center, one.facts.width)
    np.testing.assert_array_equal(shown_pixels(page, one), inked(gray, one.mask, 0.3))
    assert canvas(page).get_attribute("aria-label") == HOSTILE
    decoded = page.evaluate(
        """async () => { const block = await neuroonco.decodeBlock("block");
        return [Array.from(block.values), Array.from(block.mask)]; }"""
    )
    assert decoded == [one.stored.ravel().tolist(), one.mask.ravel().tolist()]


def test_a_block_that_holds_more_than_it_says_is_not_unpacked(page: "Page", tmp_path: Path) -> None:
    page.goto(write_file_page(tmp_path, KNOWN["gray8"], "MR slice", damaged=True))
    page.get_by_role("alert").wait_for()
    assert "cannot be unpacked" in page.get_by_role("alert").inner_text()


def test_nothing_serious_for_accessibility(page: "Page", show: Show) -> None:
    show("gray8", "ask")
    assert axe(page) == []
    page.get_by_text("Numbers, moving and keys").click()
    page.keyboard.press("i")
    page.keyboard.press("m")
    assert axe(page) == []
    page.get_by_role("button", name="Show it, and log that").click()
    page.get_by_label("Fill").wait_for()
    assert axe(page) == []
    small = page.evaluate("""() => [...document.querySelectorAll(
        ".slice-viewer button, .slice-viewer input, .slice-viewer summary")].filter(e => e.checkVisibility())
        .filter(e => { const b = e.getBoundingClientRect(); return b.width < 44 || b.height < 44; })
        .map(e => e.outerHTML)""")
    assert small == []
