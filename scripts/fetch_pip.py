"""Put pip into a virtual environment where neither ensurepip nor pip is at hand (bare Debian and Ubuntu).

    python3 scripts/fetch_pip.py FOLDER

Fetches one pinned wheel from the package index, checks its hash, and lets it install itself into FOLDER. Uses the
standard library only.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from urllib.parse import urljoin

INDEX = os.environ.get("PIP_INDEX_URL") or "https://pypi.org/simple"
WHEEL = "pip-26.3-py3-none-any.whl"
SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
TIMEOUT_S = 60


def fetch(url: str) -> bytes:
    """Bytes of a page or file; only https, and plain http where the user's own index says so."""
    if not url.startswith(("https://", "http://")):
        raise SystemExit(f"not a web address: {url[:80]}")
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310  (checked above)
        data: bytes = answer.read()
    return data


def main() -> None:
    """Fetch, check, install."""
    folder = Path(sys.argv[1])
    page = f"{INDEX.rstrip('/')}/pip/"
    links = re.findall(r'<a[^>]*href="([^"#]+)[^"]*"[^>]*>\s*([^<\s]+)\s*</a>', fetch(page).decode("utf-8", "replace"))
    url = next((href for href, name in links if name == WHEEL), None)
    if url is None:
        raise SystemExit(f"{WHEEL} is not in the index")
    data = fetch(urljoin(page, url))
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise SystemExit(f"{WHEEL} has another hash than expected")
    with tempfile.TemporaryDirectory() as temporary:
        wheel = Path(temporary) / WHEEL
        wheel.write_bytes(data)
        # A wheel is a zip archive that Python can run from: pip installs itself from inside its own wheel.
        command = [str(folder / "bin" / "python"), f"{wheel}/pip", "install", "--quiet", "--no-index", str(wheel)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
