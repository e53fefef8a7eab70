"""Browsing in a real browser: a folder from file:// filters and shows pixels, and served pages can be used by all."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.staticfiles import StaticFiles

from browse_runs import edited_run
from browser import allowed_complaints, axe, chromium, open_context, page, serve_app  # noqa: F401  (fixtures)
from neuroonco.browse.app import create_app
from neuroonco.browse.folder import Wanted, write_folder
from neuroonco.viewer.serving import allowed_hosts
from neuroonco.walk.browsing import RunArchive
from neuroonco.walk.browsing_index import FACET_NAMES

READY = ".slice-viewer__readout:has-text('window')"
SHOWN = """() => {
  const canvas = document.querySelector('[data-slice-viewer] canvas');
  if (!canvas || !canvas.width) return 0;
  const values = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  return new Set(values).size;
}"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> RunArchive:
    run = edited_run(tmp_path_factory)
    return RunArchive(run, run / "00-phantoms" / "images", "tiny")


@pytest.fixture(scope="module")
def folder(archive: RunArchive, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pages") / "folder"
    write_folder(archive, out, Wanted(limit=500))
    return out


@pytest.fixture
def served(archive: RunArchive) -> Iterator[str]:
    with serve_app(create_app(archive, FACET_NAMES, _Any())) as address:
        yield address


class _Any(frozenset):  # type: ignore[type-arg]
    """All names of this machine; the port is not known before the server runs."""

    def __contains__(self, host: object) -> bool:
        return host in allowed_hosts("127.0.0.1", int(str(host).rpartition(":")[2]))


def test_a_folder_filters_and_steps_from_file(page: Any, archive: RunArchive, folder: Path) -> None:  # noqa: F811
    index = archive.index()
    axial = [index.name(int(p)) for p in index.chosen({"plane": ("axial",)}).nonzero()[0]]
    page.goto((folder / "index.html").as_uri())
    page.wait_for_selector("[data-cards] li")
    assert page.locator("[data-cards] li").count() == len(index)
    page.locator('[data-facet="plane"] summary').click()
    page.locator('[data-facet="plane"] a', has_text="Axial").click()
    page.wait_for_function("location.hash === '#plane=axial'")
    shared = [name for name in axial if archive.terms(name).facts]
    assert page.locator("[data-cards] code").all_inner_texts() == shared
    page.locator("[data-cards] a").nth(1).click()
    page.wait_for_url(f"**/{shared[1]}.html#plane=axial")
    assert page.locator("[data-place]").inner_text() == f"2 of {len(shared)}"
    page.keyboard.press("j")
    page.wait_for_url(f"**/{shared[2]}.html#plane=axial")
    page.keyboard.press("l")
    page.wait_for_url("**/index.html#plane=axial")
    assert page.locator("[data-cards] li").count() == len(shared)


def test_a_folder_shows_pixels_from_file(
    page: Any,  # noqa: F811
    archive: RunArchive,
    folder: Path,
) -> None:
    page.goto((folder / "slices" / f"{_shown(archive)}.html").as_uri())
    page.wait_for_selector(READY)
    assert page.evaluate(SHOWN) > 20
    page.goto((folder / "index.html").as_uri())
    page.wait_for_selector("[data-cards] img")
    page.wait_for_function("[...document.querySelectorAll('[data-cards] img')].some(i => i.naturalWidth > 0)")


def test_a_folder_behind_a_server_shows_the_same_and_has_no_serious_fault(
    page: Any,  # noqa: F811
    archive: RunArchive,
    folder: Path,
) -> None:
    # Not from files: there axe asks for the style sheets as data, which no page from a file may.
    with serve_app(StaticFiles(directory=folder, html=True)) as address:
        page.goto(f"{address}/slices/{_shown(archive)}.html#plane=axial")
        page.wait_for_selector(READY)
        assert page.evaluate(SHOWN) > 20
        assert not axe(page)
        page.goto(f"{address}/index.html")
        page.wait_for_selector("[data-cards] img")
        assert not axe(page)


@pytest.mark.parametrize("from_file", [True, False])
def test_a_script_that_came_into_a_page_of_a_folder_does_not_run(
    page: Any,  # noqa: F811
    archive: RunArchive,
    folder: Path,
    tmp_path: Path,
    allowed_complaints: list[str],  # noqa: F811
    from_file: bool,
) -> None:
    allowed_complaints += ["policy: (script-src|img-src)", "violates the following Content Security Policy"]
    copied, name = tmp_path / "folder", f"slices/{_shown(archive)}.html"
    shutil.copytree(folder, copied)
    text = (copied / name).read_text("utf-8")
    bad = "<main><script>window.ran = 1</script><img src='x:y' onerror='window.ran = 1'>"
    (copied / name).write_text(text.replace("<main", f"{bad}<main", 1), "utf-8")
    with serve_app(StaticFiles(directory=copied)) as address:
        page.goto((copied / name).as_uri() if from_file else f"{address}/{name}")
        page.wait_for_selector(READY)
        assert page.evaluate("window.ran") is None


def _shown(archive: RunArchive) -> str:
    """A slice with a picture that may be passed on."""
    index = archive.index()
    return next(n for n in (index.name(i) for i in range(len(index))) if archive.terms(n).picture and n[1:5] != "0000")


def test_served_pages_show_pixels_and_have_no_serious_fault(
    page: Any,  # noqa: F811
    archive: RunArchive,
    served: str,
) -> None:
    page.goto(f"{served}/?plane=axial")
    page.wait_for_selector(".browse-cards img")
    assert not axe(page)
    page.keyboard.press("?")
    page.wait_for_selector("#help[open]")
    page.keyboard.press("Escape")
    page.locator(".browse-cards a").first.click()
    page.wait_for_url("**/slices/*plane=axial")
    before = page.url
    page.keyboard.press("j")
    page.wait_for_url(lambda url: url != before)
    page.wait_for_selector(READY)
    assert page.evaluate(SHOWN) > 20
    assert not axe(page)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert not axe(page)
