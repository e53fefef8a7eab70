"""Pages: how templates are filled, and the style sheets and scripts that belong to them."""

import hashlib
import mimetypes
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined

if TYPE_CHECKING:
    from starlette.applications import Starlette

VIEWER = "neuroonco.viewer"
DIGEST_LENGTH = 12


def environment(package: str) -> Environment:
    """Templates of a package, and after them those of the viewer, with which all pages are laid out.

    Every value is escaped, and a name that is not given is an error. Templates have ``static_url``.

    Args:
        package: e.g. ``neuroonco.review.web``; its folder ``templates``.
    """
    folders = dict.fromkeys(_folder(name, "templates") for name in (package, VIEWER))
    made = Environment(
        loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["static_url"] = static_url
    return made


def static_place(package: str) -> str:
    """Where the static files of a package are served.

    >>> static_place("neuroonco.viewer"), static_place("neuroonco.review.web")
    ('/static/viewer', '/static/review')
    """
    return f"/static/{package.split('.')[1]}"


@cache
def static_url(package: str, name: str) -> str:
    """Address of a static file, with a digest of its content, so that a browser may keep it for ever.

    Raises:
        FileNotFoundError: the package has no such file.

    >>> static_url("neuroonco.viewer", "page.css").partition("?v=")[0]
    '/static/viewer/page.css'
    """
    content = (_folder(package, "static") / name).read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:DIGEST_LENGTH]
    return f"{static_place(package)}/{quote(name)}?v={digest}"


def mount_static(app: "Starlette", *packages: str) -> None:
    """Serve the folders ``static`` of packages: files only, no listing, no link that leads outside."""
    from starlette.staticfiles import StaticFiles  # here: static pages need no server

    # What a system registers for a suffix varies, and browsers refuse a script of another type.
    mimetypes.add_type("text/javascript", ".js")
    mimetypes.add_type("text/css", ".css")
    for package in packages:
        app.mount(static_place(package), StaticFiles(directory=_folder(package, "static")), name=package)


def _folder(package: str, name: str) -> Path:
    """A folder of a package, found without importing it."""
    root, *rest = package.split(".")
    if root != "neuroonco":
        raise ValueError(f"{package} is no package of neuroonco")
    return Path(__file__).parents[1].joinpath(*rest, name)
