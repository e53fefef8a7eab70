"""Take the pictures of docs/review.md and docs/browse.md: the pages as Chromium shows them, over synthetic slices.

python scripts/take_screenshots.py [--run runs/demo]
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from neuroonco.review.judgement import judge
from neuroonco.review.people import People
from neuroonco.review.room import Room
from neuroonco.review.room_records import Round

HERE = Path(__file__).resolve().parent.parent
DOCS = HERE / "docs"
sys.path.insert(0, str(HERE / "tests"))
from browser import ARGUMENTS, chromium_executable  # noqa: E402

PEOPLE = ("ann", "bob", "chris")
COMMENT = "The border is sharp in more than half of its length."
WORDING = "Which margins does the lesion have in this slice?"


def command(*words: object) -> list[str]:
    """One of our commands."""
    return [sys.executable, "-m", "neuroonco", *(str(word) for word in words)]


@contextmanager
def serving(*words: object) -> Iterator[str]:
    """A server of ours; gives its address."""
    process = subprocess.Popen(command(*words), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1].rstrip("/")
    finally:
        process.terminate()
        process.wait()


def room_of(run: Path, folder: Path) -> Path:
    """A room over a run's questions in which two readers have judged most, and differ in some."""
    place = folder / "room.sqlite"
    benchmark = next((run / "08-build").glob("**/benchmark_closed.json"))
    people = ("--reader", "ann", "--reader", "bob", "--adjudicator", "chris")
    words = ("review", "import", benchmark, "--room", place, "--run", run, *people, "--title", "Synthetic slices")
    subprocess.run(command(*words), check=True)
    with Room(place) as room:
        keys = [entry.key for entry in room.queue("ann", Round.FIRST)]
        for number, key in enumerate(keys[3:]):
            _answer(room, key, number)
    return place


def _answer(room: Room, key: str, number: int) -> None:
    held = room.item(key)
    assert held is not None
    item = held.item
    other = next(option.letter for option in item.options if option.letter != item.answer)
    answers = {"ann": item.answer, "bob": other if number % 6 == 0 else item.answer}
    for reader, answer in answers.items():
        differs = reader == "bob" and number % 6 == 0
        comment = COMMENT if differs else None
        wording = WORDING if differs and number % 12 == 0 else None
        judgement = judge(item, answer=answer, comment=comment, new_question=wording)
        room.save(
            key, reader, Round.FIRST, judgement, based_on=0, save_id=f"{reader}-{number}", elapsed_s=11 + number % 23
        )


class Tour:
    """A browser that signs in and takes pictures."""

    def __init__(self, browser: Browser, address: str, tokens: dict[str, str]) -> None:
        self.browser, self.address, self.tokens = browser, address, tokens

    def page(self, name: str, height: int = 720) -> Page:
        """A page of somebody who is signed in."""
        page = self.browser.new_context(viewport={"width": 1280, "height": height}).new_page()
        page.goto(f"{self.address}/sign-in#{self.tokens[name]}")
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/sign-in" not in url)
        return page

    def take(self, page: Page, name: str) -> None:
        """A picture once the slice is there."""
        if page.query_selector("[data-slice-viewer]"):
            page.wait_for_function("() => [...window.neuroonco.viewers.values()].every(v => v.facts)")
        page.wait_for_load_state("networkidle")
        page.screenshot(path=str(DOCS / name))


def review(browser: Browser, run: Path, folder: Path) -> None:
    """Pictures of the review room."""
    place = room_of(run, folder)
    with Room(place) as room:
        tokens = {name: People(room).invite(name) for name in PEOPLE}
    with serving("review", "serve", place, "--root", run / "00-phantoms/images", "--port", 0) as address:
        tour = Tour(browser, address, tokens)
        page = tour.page("ann")
        page.keyboard.press("j")
        page.wait_for_selector("section[data-reading]")
        page.keyboard.press("2")
        tour.take(page, "review-reading.png")
        other = page.context.new_page()
        other.goto(page.url)
        other.keyboard.press("1")
        other.keyboard.press("Enter")
        other.wait_for_selector(".saved-line")
        page.keyboard.press("Enter")
        page.wait_for_selector("[data-conflict]")
        tour.take(page, "review-conflict.png")
        page = tour.page("chris", 1000)
        page.wait_for_selector("[data-docket]")
        page.keyboard.press("Enter")
        page.wait_for_selector("section[data-adjudicating]")
        tour.take(page, "review-adjudicate.png")
        page.goto(f"{address}/agreement")
        tour.take(page, "review-agreement.png")


def browse(browser: Browser, run: Path) -> None:
    """Pictures of browsing."""
    with serving("browse", run, "--port", 0) as address:
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.goto(address)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=str(DOCS / "browse-list.png"))
        page.locator("main a[href*='/slices/']").first.click()
        page.wait_for_selector("[data-slice-viewer]")
        page.wait_for_function("() => [...window.neuroonco.viewers.values()].every(v => v.facts)")
        page.screenshot(path=str(DOCS / "browse-slice.png"))


def main() -> None:
    """Take all of them."""
    parser = argparse.ArgumentParser(prog="take_screenshots.py", description=__doc__.partition("\n")[0])
    parser.add_argument("--run", type=Path, default=Path("runs/demo"))
    given = parser.parse_args()
    executable = chromium_executable()
    if executable is None:
        raise SystemExit("no Chromium found; fix: scripts/install_chromium.sh")
    folder = Path(tempfile.mkdtemp(prefix="screenshots-"))
    tasks: tuple[Callable[[Browser], None], ...] = (
        lambda browser: review(browser, given.run, folder),
        lambda browser: browse(browser, given.run),
    )
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
            for task in tasks:
                task(browser)
            browser.close()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
