"""The furniture of pages: layout, escaping, addresses of static files, contrast, no sideways scrolling."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jinja2 import UndefinedError
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from browser import allowed_complaints, axe, chromium, open_context, page, serve_app
from neuroonco.viewer import pages
from neuroonco.viewer.pages import VIEWER, environment, mount_static, static_url
from neuroonco.viewer.safety import Safety

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["allowed_complaints", "chromium", "open_context", "page"]

STYLE = (Path(pages.__file__).parent / "static" / "page.css").read_text()
HOSTILE = "\"'><script>alert(1)</script>&"
SHOWCASE = """
{% extends "layout.html" %}
{% block nav %}
<nav class="nav" aria-label="Room"><ul><li><a href="#a" aria-current="page">Queue</a></li><li><a href="#b">Progress</a></li>
</ul><span class="nav-end"><span class="muted">Signed in as ann</span><button class="button-quiet">Sign out</button></span></nav>
{% endblock %}
{% block main %}
<h1>{{ title }}</h1>
<p class="lead">Text with <a href="#c">a link</a>, <kbd>k</kbd> and <code>code</code>.</p>
<div class="split"><section class="panel split-picture"><h2 class="panel-title">Slice</h2></section>
<section class="panel"><form class="stack"><fieldset class="options"><legend>Which?</legend>
{% for letter in "ABCDE" %}
<label class="option{{ ' option-proposed' if letter == 'B' }}"><input type="radio" name="answer" value="{{ letter }}">
<span class="option-key">{{ loop.index }}</span><span>{{ "long-answer-without-a-space-" * 6 if letter == "C" else "Answer" }}</span></label>
{% endfor %}
</fieldset>
<div class="field"><label for="comment">Comment</label><textarea id="comment" placeholder="why"></textarea>
<p class="field-hint">At most 2000 characters.</p><p class="field-error">Say why.</p></div>
<div class="toolbar"><button class="button-primary">Save</button><button class="button-danger">Reject</button>
<button disabled>Undo</button><a class="button" href="#d">Next</a><button aria-pressed="true">Mask</button></div></form></section></div>
<p><span class="badge">word</span> <span class="badge badge-same">same</span> <span class="badge badge-differs">differs</span>
<span class="badge badge-open">to do</span> <span class="badge badge-conflict">conflict</span></p>
{% for kind in ("good", "warning", "conflict", "error") %}
<div class="notice notice-{{ kind }}"><p>A message with <a href="#e">a link</a>.</p></div>
{% endfor %}
<div class="table-scroll" tabindex="0" role="region" aria-label="Answers"><table class="table"><caption>Answers</caption>
<thead><tr>{% for n in range(30) %}<th scope="col">column {{ n }}</th>{% endfor %}</tr></thead>
<tbody><tr>{% for n in range(30) %}<td class="{{ 'differs' if n == 1 else 'same' }}">value</td>{% endfor %}</tr></tbody></table></div>
<dl class="facts"><dt>Plane</dt><dd>axial</dd></dl><p class="muted small">Small.</p>
<ul class="cards"><li class="card">One</li><li class="card">Two</li></ul>
{% endblock %}
"""  # noqa: E501


def fill(**values: Any) -> str:
    made = environment(VIEWER)
    return made.from_string(SHOWCASE).render(**{"csrf": None, "title": "Title", **values})


def test_the_layout_carries_the_token_for_forms_and_scripts() -> None:
    text = fill(csrf="0123abcd")
    assert '<meta name="csrf" content="0123abcd">' in text
    found = re.search(r"<body hx-headers='([^']*)'>", text)
    assert found is not None
    assert json.loads(found[1]) == {"X-CSRF-Token": "0123abcd"}
    config = re.search(r"<meta name=\"htmx-config\" content='([^']*)'>", text)
    assert config is not None
    wanted = {"allowEval": False, "includeIndicatorStyles": False, "selfRequestsOnly": True, "historyCacheSize": 0}
    assert wanted.items() <= json.loads(config[1]).items()


def test_pages_without_a_token() -> None:
    text = fill(csrf=None)
    assert "<body>" in text
    assert "X-CSRF-Token" not in text
    assert 'name="csrf"' not in text


def test_nothing_from_data_becomes_markup() -> None:
    text = fill(title=HOSTILE, csrf=HOSTILE)
    assert "<script>alert" not in text
    assert "onload" not in text
    found = re.search(r"<body hx-headers='([^']*)'>", text)
    assert found is not None
    assert json.loads(found[1])["X-CSRF-Token"] == HOSTILE


def test_pages_hold_nothing_inline_and_nothing_from_elsewhere() -> None:
    text = fill(csrf="abc")
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"""(src|href)=["'](https?:)?//""", text)
    assert "@import" not in STYLE
    assert "url(" not in STYLE


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        environment(VIEWER).from_string("{{ nobody_gave_this }}").render()
    with pytest.raises(UndefinedError):
        environment(VIEWER).get_template("layout.html").render(title="no csrf given")


def test_a_package_goes_before_the_viewer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "mine.html").write_text('{% extends "layout.html" %}{% block main %}mine{% endblock %}')
    folder = pages._folder
    monkeypatch.setattr(pages, "_folder", lambda package, name: own if "review" in package else folder(package, name))
    assert "mine" in environment("neuroonco.review.web").get_template("mine.html").render(title="t", csrf=None)


@pytest.mark.parametrize("package", ["os", "jinja2", "..neuroonco"])
def test_templates_and_files_of_other_packages_are_not_ours(package: str) -> None:
    with pytest.raises(ValueError, match="no package of neuroonco"):
        environment(package)


def test_static_files_have_their_content_in_their_address() -> None:
    app = Starlette()
    mount_static(app, VIEWER)
    client = TestClient(Safety(app, frozenset({"testserver"})))
    for name, kind in (("page.css", "text/css"), ("htmx-2.0.11.min.js", "text/javascript")):
        address = static_url(VIEWER, name)
        assert re.fullmatch(rf"/static/viewer/{re.escape(name)}\?v=[0-9a-f]{{12}}", address)
        answer = client.get(address)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        again = client.get(f"/static/viewer/{name}", headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
        assert again.headers["cache-control"] == "no-cache"
    assert static_url(VIEWER, "page.css") != static_url(VIEWER, "htmx-2.0.11.min.js")


@pytest.mark.parametrize(
    "path",
    ["", "/", "../records.py", "..%2frecords.py", "%2e%2e/records.py", "..%5crecords.py", "/etc/passwd",
     "page.css%00", "./../../errors.py", "nowhere.js"],
)  # fmt: skip
def test_only_files_of_the_folder_are_served(path: str) -> None:
    app = Starlette()
    mount_static(app, VIEWER)
    client = TestClient(app)
    answer = client.get(f"/static/viewer/{path}")
    assert answer.status_code in (404, 405)
    assert "Record" not in answer.text


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "static" / "a.txt").symlink_to(tmp_path / "secret.txt")
    monkeypatch.setattr(pages, "_folder", lambda _package, name: tmp_path / name)
    app = Starlette()
    mount_static(app, VIEWER)
    assert TestClient(app).get("/static/viewer/a.txt").status_code == 404


# --- colors ---


def colors() -> dict[str, str]:
    root = re.search(r":root \{\n  color-scheme: dark;(.*?)\}", STYLE, re.DOTALL)
    assert root is not None
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", root[1]))


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def test_contrast_reaches_aa() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    found = colors()
    grounds = ["ground", "panel", "raised"]
    tinted = [f"{kind}-ground" for kind in ("good", "warning", "bad", "differs")]
    text = [(name, ground) for name in ("text", "accent", "muted") for ground in (*grounds, *tinted)]
    text += [
        (kind, ground) for kind in ("good", "warning", "bad", "differs") for ground in (*grounds, f"{kind}-ground")
    ]
    text += [("on-primary", ground) for ground in ("primary", "primary-hover", "danger")]
    for front, ground in text:
        assert contrast(found[front], found[ground]) >= 4.5, (front, ground)
    for front in ("edge", "focus"):
        for ground in (*grounds, *tinted):
            assert contrast(found[front], found[ground]) >= 3, (front, ground)


def test_every_color_and_class_that_is_promised_is_there() -> None:
    head, rules = STYLE.split("*/", 1)
    for name in set(re.findall(r"\.([a-z][a-z-]+)", head)) - {"html"}:
        assert f".{name}" in rules, name
    assert set(re.findall(r"var\(--([\w-]+)\)", STYLE)) <= set(re.findall(r"--([\w-]+):", STYLE))
    assert "prefers-reduced-motion: reduce" in STYLE


# --- in a browser ---


async def _showcase(_request: Any) -> HTMLResponse:
    return HTMLResponse(fill(csrf="abc"))


def site(hosts: frozenset[str], extra: Any = ()) -> Safety:
    app = Starlette(routes=[Route("/", _showcase), *extra])
    mount_static(app, VIEWER)
    return Safety(app, hosts)


class AnyHost(frozenset[str]):
    """Ports of tests are free ones: what is tested here is not the host."""

    def __contains__(self, _name: object) -> bool:
        return True


@pytest.mark.parametrize(("width", "height", "touch"), [(1280, 720, False), (1024, 768, True), (768, 1024, True)])
def test_pages_fit_and_are_accessible(open_context: Any, width: int, height: int, touch: bool) -> None:
    context = open_context(viewport={"width": width, "height": height}, has_touch=touch, reduced_motion="reduce")
    with serve_app(site(AnyHost())) as address:
        tab = context.new_page()
        tab.goto(f"{address}/")
        assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        assert tab.evaluate("getComputedStyle(document.querySelector('button')).transitionDuration") == "0s"
        sizes = tab.evaluate(
            "[...document.querySelectorAll('button, .button, .option, .nav a')]"
            ".map(e => e.getBoundingClientRect()).map(r => Math.min(r.width, r.height))"
        )
        assert min(sizes) >= 40
        assert tab.evaluate("htmx.config.allowEval") is False
        assert axe(tab) == []
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.className") == "skip-link"
        assert tab.evaluate("document.activeElement.getBoundingClientRect().top >= 0")


def test_a_form_of_ours_says_where_it_comes_from(page: "Page") -> None:
    """A form under the header's policy alone would say `Origin: null`, which proves nothing without Sec-Fetch-Site."""
    got: list[tuple[str | None, str | None]] = []

    async def form(request: Any) -> HTMLResponse:
        if request.method == "POST":
            got.append((request.headers.get("origin"), request.headers.get("sec-fetch-site")))
        made = environment(VIEWER).from_string(
            '{% extends "layout.html" %}{% block main %}<form method="post"><button>Save</button></form>{% endblock %}'
        )
        return HTMLResponse(made.render(title="Form", csrf=None))

    with serve_app(site(AnyHost(), [Route("/form", form, methods=["GET", "POST"])])) as address:
        page.goto(f"{address}/form")
        with page.expect_navigation():
            page.get_by_role("button", name="Save").click()
        assert got == [(address, "same-origin")]
