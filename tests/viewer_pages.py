"""Pages with the slice viewer, served or as files, and what the viewer has to show on them."""

import base64
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from browser import serve_app
from neuroonco.viewer.pages import environment, mount_static
from neuroonco.viewer.records import SliceFacts
from neuroonco.viewer.window_table import window_table

if TYPE_CHECKING:
    from playwright.sync_api import Page

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
TOKEN = "token-of-this-page"  # noqa: S105
INK = np.array([213, 94, 0])
VIEWER = "[...neuroonco.viewers.values()][0]"
STATIC = Path(__file__).parents[1] / "src" / "neuroonco" / "viewer" / "static"

PAGE = environment("neuroonco.viewer").from_string("""
{% extends "layout.html" %}
{% from "slice_viewer.html" import slice_viewer %}
{% block scripts %}
<link rel="stylesheet" href="{{ static_url("neuroonco.viewer", "slice_viewer.css") }}">
<script src="{{ static_url("neuroonco.viewer", "slice_viewer.js") }}" defer></script>
{% endblock %}
{% block main %}
<h1>A slice</h1>
<div id="place">{{ slice_viewer(**arguments) }}</div>
<button hx-get="/fragment" hx-target="#place">Another</button>
<label>Remark <input type="text"></label>
{% endblock %}
""")
FRAGMENT = environment("neuroonco.viewer").from_string(
    '{% from "slice_viewer.html" import slice_viewer %}{{ slice_viewer(**arguments) }}'
)
FILE = environment("neuroonco.viewer").from_string("""<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>A file</title>{% from "slice_viewer.html" import slice_viewer %}
<link rel="stylesheet" href="slice_viewer.css"><script src="slice_viewer.js" defer></script></head><body><main>
<h1>A slice</h1>{{ slice_viewer(data_id="block", label=label) }}</main>
<script type="application/json" id="block">{{ block | tojson }}</script></body></html>""")


@dataclass(frozen=True)
class Slice:
    """Stored values, what they mean, and a mask of 0 and 1."""

    stored: npt.NDArray[Any]
    facts: SliceFacts
    mask: npt.NDArray[np.uint8]

    def gray(self, center: float, width: float, invert: bool = False) -> npt.NDArray[np.uint8]:
        """(height, width, 3) as the viewer has to show it."""
        facts = self.facts
        table = window_table(facts.bits, facts.slope, facts.intercept, center, width, invert)
        shown = table[self.stored]
        return shown if shown.ndim == 3 else np.repeat(shown[:, :, None], 3, axis=2)

    @property
    def range(self) -> float:
        return self.facts.most - self.facts.least

    @property
    def body(self) -> bytes:
        return self.stored.astype(self.stored.dtype.newbyteorder("<")).tobytes()


def slice_of(
    stored: npt.NDArray[Any], slope: float, intercept: float, center: float, width: float, seed: int = 0
) -> Slice:
    height, columns = stored.shape[:2]
    mask = np.zeros((height, columns), dtype=np.uint8)
    mask[height // 4 : height // 2, columns // 4 : columns // 2] = 1
    mask[height // 3, columns // 3] = 0  # a hole has an outline too
    mask[0, 0] = 1
    facts = SliceFacts(
        width_px=columns,
        height_px=height,
        channels=3 if stored.ndim == 3 else 1,
        bits=8 * stored.dtype.itemsize,
        slope=slope,
        intercept=intercept,
        center=center,
        width=width,
        least=float(intercept + slope * int(stored.min())),
        most=float(intercept + slope * int(stored.max())),
    )
    return Slice(stored, facts, mask)


def slices() -> dict[str, Slice]:
    """One of every kind: sides differ, so that rows taken for columns show."""
    rng = np.random.default_rng(7)
    whole = rng.integers(0, 4096, (50, 70)).astype(np.uint16)
    fine = rng.integers(0, 65536, (40, 60)).astype(np.uint16)
    return {
        "gray8": slice_of(rng.integers(0, 256, (48, 64)).astype(np.uint8), 1.0, 0.0, 128.0, 256.0),
        "gray16": slice_of(whole, 1.0, -1024.0, 40.0, 400.0),
        "fine16": slice_of(fine, 0.0030517578125 / 3, -3.7, 20.0, 35.5),
        "color": slice_of(rng.integers(0, 256, (30, 40, 3)).astype(np.uint8), 1.0, 0.0, 128.0, 256.0),
    }


def inked(gray: npt.NDArray[np.uint8], mask: npt.NDArray[np.uint8], fill: float) -> npt.NDArray[np.uint8]:
    """Gray with the mask's border (pixels of it with a neighbor of four outside) in color, and its inside filled."""
    around = np.pad(mask, 1)
    inner = mask & around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]
    strength = np.where(inner == 1, fill, 1.0)[:, :, None]
    base = gray.astype(np.float64)
    colored = np.floor(base + (INK - base) * strength + 0.5).astype(np.uint8)
    return np.where(mask[:, :, None] == 1, colored, gray)


@dataclass
class Site:
    """A served site, what it was asked for, and what it answers instead of what it should."""

    address: str = ""
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    status: dict[str, int] = field(default_factory=dict)
    body: dict[str, bytes] = field(default_factory=dict)
    header: str | None = None
    label: str = "MR slice"

    def posts(self) -> list[tuple[str, str, str | None]]:
        return [one for one in self.asked if one[0] == "POST"]


class WithPolicy:
    """The content policy of the room on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", POLICY.encode())]
            await send(message)

        await self.app(scope, receive, send_with)


def site_app(site: Site, known: dict[str, Slice]) -> FastAPI:
    app = FastAPI()
    app.add_middleware(WithPolicy)
    mount_static(app, "neuroonco.viewer")
    shown: set[str] = set()

    def arguments(name: str, mask: str) -> dict[str, str | None]:
        return {
            "values_url": f"/slices/{name}/values",
            "mask_url": None if mask == "none" else f"/slices/{name}/mask",
            "mask_ask_url": f"/items/{name}/mask-shown" if mask == "ask" else None,
            "label": site.label,
        }

    @app.get("/page/{name}")
    def page(name: str, mask: str = "none") -> HTMLResponse:
        return HTMLResponse(PAGE.render(title="A slice", csrf=TOKEN, arguments=arguments(name, mask)))

    @app.get("/fragment")
    def fragment() -> HTMLResponse:
        return HTMLResponse(FRAGMENT.render(arguments=arguments("gray16", "free")))

    def answer(what: str, request: Request, body: bytes, headers: dict[str, str]) -> Response:
        site.asked.append((request.method, request.url.path, request.headers.get("x-csrf-token")))
        status = site.status.get(what, 200)
        if status == 303:
            return RedirectResponse("/fragment", 303)
        if status != 200:
            return Response("{}", status)
        return Response(site.body.get(what, body), media_type="application/octet-stream", headers=headers)

    @app.get("/slices/{name}/values")
    def values(name: str, request: Request) -> Response:
        facts = known[name].facts.model_dump_json() if site.header is None else site.header
        return answer("values", request, known[name].body, {"X-Slice-Facts": facts})

    @app.get("/slices/{name}/mask")
    def mask(name: str, request: Request) -> Response:
        if "mask=ask" in request.headers.get("referer", "") and name not in shown:
            return Response("{}", 403)
        return answer("mask", request, known[name].mask.tobytes(), {})

    @app.post("/items/{name}/mask-shown")
    def mask_shown(name: str, request: Request) -> Response:
        shown.add(name)
        return answer("ask", request, b"", {})

    return app


@contextmanager
def served_site(known: dict[str, Slice]) -> Iterator[Site]:
    site = Site()
    with serve_app(site_app(site, known)) as site.address:
        yield site


def write_file_page(folder: Path, one: Slice, label: str, damaged: bool = False) -> str:
    """Write a page that needs no server, with its script beside it; gives its file:// address."""
    for name in ("slice_viewer.js", "slice_viewer.css"):
        (folder / name).write_bytes((STATIC / name).read_bytes())

    def packed(data: bytes) -> str:
        return base64.b64encode(zlib.compress(data)).decode("ascii")

    block = {
        "facts": json.loads(one.facts.model_dump_json()),
        "zlib_base64": packed(one.body + b"\0" * 1000 if damaged else one.body),
        "mask_zlib_base64": packed(one.mask.tobytes()),
    }
    path = folder / "page.html"
    path.write_text(FILE.render(label=label, block=block), encoding="utf-8")
    return path.as_uri()


# -- what the page shows


def wait_shown(page: "Page") -> None:
    """Until the picture is there and laid out."""
    page.locator('[data-slice-viewer][data-state="shown"]').wait_for()
    page.wait_for_function(f"() => ({VIEWER}).placement.scale > 0")


def shown_pixels(page: "Page", one: Slice) -> npt.NDArray[np.uint8]:
    """(height, width, 3) from ``pixelsShown()``; all of it is opaque."""
    flat = page.evaluate(f"() => Array.from(({VIEWER}).pixelsShown())")
    rgba = np.array(flat, dtype=np.uint8).reshape(one.facts.height_px, one.facts.width_px, 4)
    assert (rgba[:, :, 3] == 255).all()
    return rgba[:, :, :3]


def state_of(page: "Page") -> dict[str, Any]:
    """Window, inversion, zoom, preset, placement and the size of the canvas in CSS pixels."""
    state: dict[str, Any] = page.evaluate(
        f"""() => {{ const v = {VIEWER}; const box = document.querySelector("canvas").getBoundingClientRect();
        return {{center: v.windowCenter, width: v.windowWidth, inverted: v.inverted, zoom: v.zoom, preset: v.preset,
                 x: box.x, y: box.y, wide: box.width, high: box.height, ...v.placement}}; }}"""
    )
    return state


def canvas_pixel(page: "Page", x: float, y: float) -> list[int]:
    """What the canvas on the screen shows at a point in CSS pixels from its corner, after the next frame."""
    rgb: list[int] = page.evaluate(
        """async ([x, y]) => { await new Promise(requestAnimationFrame); await new Promise(requestAnimationFrame);
        const c = document.querySelector("canvas"); const k = c.width / c.getBoundingClientRect().width;
        const rgba = c.getContext("2d").getImageData(Math.floor(x * k), Math.floor(y * k), 1, 1).data;
        return Array.from(rgba).slice(0, 3); }""",
        [x, y],
    )
    return rgb
