"""The least that a saving server can do: each POST is one row, committed and on disk, under one lock.

    python benchmarks/review_baseline.py FOLDER

Prints its address. It has no pages, no people and no checks: `benchmarks/review.py` holds the review room against it.
"""

import argparse
import json
import sqlite3
import threading
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from neuroonco.viewer.serving import bind

PAGE = "<!doctype html><title>Question</title>" + "<p>about as many words as a page of the review room</p>" * 120


def application(folder: Path) -> Starlette:
    """GET gives a fixed page, POST keeps its body."""
    connection = sqlite3.connect(folder / "baseline.sqlite", isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS saved (seq INTEGER PRIMARY KEY, body TEXT)")
    lock = threading.Lock()

    def keep(body: str) -> None:
        with lock:
            connection.execute("INSERT INTO saved (body) VALUES (?)", [body])

    async def page(_: Request) -> Response:
        return HTMLResponse(PAGE)

    async def save(request: Request) -> Response:
        form = await request.form()
        await run_in_threadpool(keep, json.dumps({key: str(value) for key, value in form.items()}))
        return HTMLResponse(PAGE)

    return Starlette(routes=[Route("/", page, methods=["GET"]), Route("/", save, methods=["POST"])])


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="review_baseline.py", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    listening = bind("127.0.0.1", 0)
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    config = uvicorn.Config(application(given.folder), log_level="error", access_log=False)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
