"""The browser fixtures complain where they should, and the script that installs the browser never fails a build."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from browser import ELSEWHERE, serve_app, watch

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SCRIPT = Path(__file__).parents[1] / "scripts" / "install_chromium.sh"


def served(html: str) -> Starlette:
    def answer(_: object) -> HTMLResponse:
        return HTMLResponse(f'<!doctype html><link rel="icon" href="data:,">{html}')

    return Starlette(routes=[Route("/", answer)])


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("console.error('lost')", r"^console: lost$"),
        ("setTimeout(() => { throw new Error('thrown') })", r"^script: .*thrown"),
        ("window.done = fetch('http://example.org/x').catch(() => 0)", r"^request to http://example\.org/x$"),
        ("document.body.innerHTML = '<p style=\"color: red\">'", r"^console: policy: style-src-attr"),
    ],
)
def test_what_a_page_complains_about_is_collected(chromium: "Browser", script: str, complaint: str) -> None:
    complaints: list[str] = []
    policy = "<meta http-equiv=Content-Security-Policy content=\"style-src 'self'\">"
    with serve_app(served(f"{policy}<body><script>{script}</script>")) as address:
        context = chromium.new_context()
        watch(context, complaints)
        page = context.new_page()
        page.goto(address)
        page.evaluate("() => window.done")
        # What the page did before is told before this returns.
        page.evaluate("() => new Promise(done => setTimeout(done))")
        context.close()
    assert [c for c in complaints if re.search(complaint, c)], complaints


def test_a_quiet_page_is_no_complaint(page: "Page") -> None:
    with serve_app(served("<h1>Good</h1><script>console.log('fine')</script>")) as address:
        page.goto(address)
        assert page.inner_text("h1") == "Good"


@pytest.mark.parametrize(
    ("address", "is_elsewhere"),
    [
        ("http://127.0.0.1:8000/x", False),
        ("http://localhost/x", False),
        ("http://[::1]:80/", False),
        ("file:///tmp/x.html", False),
        ("data:,x", False),
        ("http://127.0.0.1.example.org/", True),
        ("http://localhost.example.org:80/", True),
        ("https://example.org/?http://127.0.0.1/", True),
        ("http://127.0.0.1@example.org/", True),
        ("http://10.0.0.1/", True),
    ],
)
def test_only_this_machine_is_asked(address: str, is_elsewhere: bool) -> None:
    assert bool(ELSEWHERE.search(address)) == is_elsewhere


def run_script(folder: Path, programs: dict[str, str], named: str | None = None) -> tuple[int, str, list[str]]:
    """Run the script where only these programs are; gives status, what it says, and calls of apt-get."""
    log = folder / "calls"
    log.touch()
    for name, body in {"id": "echo 0", **programs}.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
    (folder / "sed").symlink_to(shutil.which("sed") or "")
    environment = {"PATH": str(folder), "LOG": str(log), "HERE": str(folder)}
    if named is not None:
        environment["NEUROONCO_TEST_CHROMIUM"] = named
    done = subprocess.run(["/bin/sh", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == ""
    return done.returncode, done.stderr, log.read_text().splitlines()


APT_GET = 'echo "$@" >>"$LOG"'
DEBIAN = 'case $2 in chromium) echo "  Candidate: 150.0";; esac'
UBUNTU = 'case $2 in chromium-browser) echo "  Candidate: 2:1snap1-0ubuntu2";; *) echo "  Candidate: (none)";; esac'
OUTDATED = 'if [ -s "$LOG" ]; then echo "  Candidate: 150.0"; else echo "  Candidate: (none)"; fi'


@pytest.mark.parametrize("name", ["chromium", "chromium-browser", "google-chrome"])
def test_where_chromium_is_nothing_is_said_or_done(tmp_path: Path, name: str) -> None:
    assert run_script(tmp_path, {name: "exit 1", "apt-get": APT_GET, "apt-cache": DEBIAN}) == (0, "", [])


@pytest.mark.parametrize(
    ("programs", "named", "reason"),
    [
        ({"chromium": ""}, "/nowhere/chromium", "names no program"),
        ({}, None, "no apt"),
        ({"id": "echo 1000", "apt-get": APT_GET, "apt-cache": DEBIAN}, None, "only root"),
        ({"apt-get": APT_GET, "apt-cache": UBUNTU}, None, "snap"),
        ({"apt-get": APT_GET, "apt-cache": "true"}, None, "apt has none"),
        ({"apt-get": f"{APT_GET}; exit 100", "apt-cache": DEBIAN}, None, "could not be installed"),
    ],
)
def test_where_it_cannot_be_had_one_line_says_why(
    tmp_path: Path, programs: dict[str, str], named: str | None, reason: str
) -> None:
    status, said, _ = run_script(tmp_path, programs, named)
    assert status == 0
    assert said.count("\n") == 1
    assert reason in said


@pytest.mark.parametrize(("policy", "updates"), [(DEBIAN, 0), (OUTDATED, 1)])
def test_it_is_installed_with_as_few_updates_as_needed(tmp_path: Path, policy: str, updates: int) -> None:
    status, said, calls = run_script(tmp_path, {"apt-get": APT_GET, "apt-cache": policy})
    assert (status, said) == (0, "")
    assert sum(call.endswith("update") for call in calls) == updates
    assert calls[-1].endswith("install -y --no-install-recommends chromium")
