"""A provider of batches on loopback: /v1/files and /v1/batches, as the OpenAI API has them."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

Line = dict[str, Any]
Result = Callable[[Line], Line | None]


def answered(line: Line) -> Line | None:
    """A whole answer that repeats the text of the last turn."""
    content = line["body"]["messages"][-1]["content"]
    text = content if isinstance(content, str) else next(p["text"] for p in content if p["type"] == "text")
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": f"answer to {text}"}}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    body = {"id": "x", "object": "chat.completion", "model": "served", "choices": [choice], "usage": usage}
    return {"custom_id": line["custom_id"], "response": {"status_code": 200, "body": body}, "error": None}


@dataclass
class Provider:
    """What the provider holds, and how it misbehaves.

    Attributes:
        result: one request's result; None where the batch ends without one.
        ends: status that a batch has when it is looked at; ``in_progress`` gives nothing.
        drop: route whose next request is worked on but not answered; ``lose``: not even worked on.
        refuse: HTTP status of the next creation of a batch.
        says: message of every error.
        during: called once, while the next upload is under way.
    """

    result: Result = answered
    ends: str = "completed"
    drop: str = ""
    lose: str = ""
    refuse: int = 0
    says: str = "not today"
    during: Callable[[], object] | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    page: int = 2
    numbers: Iterator[int] = field(default_factory=count)

    def submitted(self) -> list[str]:
        """Names of all requests in all batches, with repeats."""
        return [line["custom_id"] for batch in self.batches.values() for line in batch["lines"]]

    def create(self, given: dict[str, Any]) -> tuple[int, Any]:
        """A new batch."""
        if self.refuse:
            status, self.refuse = self.refuse, 0
            return status, {"error": {"message": self.says, "code": "batch_refused"}}
        raw = self.files[given["input_file_id"]]
        key = f"batch_{len(self.batches)}"
        self.batches[key] = {
            "id": key,
            "object": "batch",
            "endpoint": given["endpoint"],
            "input_file_id": given["input_file_id"],
            "completion_window": given["completion_window"],
            "metadata": given["metadata"],
            "created_at": 1_780_000_000,
            "status": "validating",
            "lines": [json.loads(line) for line in raw.splitlines()],
        }
        return 200, self.shown(key)

    def look(self, key: str) -> tuple[int, Any]:
        """A batch; the first look at it ends it."""
        batch = self.batches.get(key)
        if batch is None:
            return 404, {"error": {"message": "no such batch"}}
        if batch["status"] == "validating":
            batch["status"] = self.ends
            if self.ends == "in_progress":
                batch["status"] = "validating"
                return 200, self.shown(key) | {"status": "in_progress"}
            results = [result for result in map(self.result, batch["lines"]) if result is not None]
            good = [r for r in results if r.get("response") and r["response"].get("status_code") == 200]
            for name, lines in (("output", good), ("error", [r for r in results if r not in good])):
                if lines:
                    batch[f"{name}_file_id"] = f"{name}_{key}"
                    self.files[f"{name}_{key}"] = "".join(json.dumps(line) + "\n" for line in lines).encode()
        return 200, self.shown(key)

    def shown(self, key: str) -> dict[str, Any]:
        """A batch as the API shows it."""
        return {name: value for name, value in self.batches[key].items() if name != "lines"}

    def listed(self, after: str | None) -> Any:
        """One page of batches."""
        keys = list(self.batches)
        start = keys.index(after) + 1 if after else 0
        shown = [self.shown(key) for key in keys[start : start + self.page]]
        return {"object": "list", "data": shown, "has_more": start + self.page < len(keys)}

    def answer(self, method: str, path: str, query: str, body: bytes) -> tuple[int, Any]:
        """One request."""
        parts = path.removeprefix("/v1/").split("/")
        if (method, path) == ("POST", "/v1/files"):
            if self.during is not None:
                during, self.during = self.during, None
                during()
            key = f"file_{next(self.numbers)}"
            self.files[key] = max(body.split(body.split(b"\r\n", 1)[0]), key=len).split(b"\r\n\r\n", 1)[1].strip()
            return 200, {"id": key, "object": "file", "bytes": 1, "created_at": 1, "filename": "x", "purpose": "batch"}
        if (method, path) == ("POST", "/v1/batches"):
            return self.create(json.loads(body))
        if (method, path) == ("GET", "/v1/batches"):
            after = re.search(r"after=(\w+)", query)
            return 200, self.listed(after[1] if after else None)
        if method == "GET" and parts[0] == "batches":
            return self.look(parts[1])
        if method == "GET" and parts[0] == "files" and parts[1] in self.files:
            return 200, self.files[parts[1]]
        if method == "DELETE" and self.files.pop(parts[1], None) is not None:
            return 200, {"id": parts[1], "object": "file", "deleted": True}
        return 404, {"error": {"message": "no such route"}}


@contextmanager
def provided(provider: Provider) -> Iterator[str]:
    """Run a provider; gives its base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 2**16  # one packet an answer

        def handle_any(self) -> None:
            path, _, query = self.path.partition("?")
            provider.requests.append(f"{self.command} {path}")
            body = self._body()
            if provider.lose and path.endswith(provider.lose) and self.command == "POST":
                provider.lose, self.close_connection = "", True
                return
            status, document = provider.answer(self.command, path, query, body)
            if provider.drop and path.endswith(provider.drop) and self.command == "POST":
                provider.drop, self.close_connection = "", True
                return
            data = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = handle_any  # noqa: N815  (names of the standard library)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
