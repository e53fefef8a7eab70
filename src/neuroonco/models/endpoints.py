"""Endpoints of models: what is shipped, what a user declares, and which of them a model's name means.

>>> resolved = resolve("vllm:Qwen/Qwen3-VL-8B-Instruct@http://127.0.0.1:8001/v1")
>>> resolved.name, resolved.base_url
('vllm:Qwen/Qwen3-VL-8B-Instruct', 'http://127.0.0.1:8001/v1')
"""

import os
import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import ValidationError

from neuroonco.errors import InputError, PrerequisiteError, UsageError
from neuroonco.models.endpoint_records import Endpoint
from neuroonco.outcomes import Record

USER_FILE_VARIABLE = "NEUROONCO_ENDPOINTS"
MAX_FILE_BYTES = 1024**2


@dataclass(frozen=True)
class Connection:
    """Where to send a request, and with which key. The key is never shown."""

    base_url: str
    key: str | None = field(default=None, repr=False)


class ResolvedModel(Record):
    """A model's name, understood.

    Attributes:
        endpoint: with what is different for this model.
        base_url: from the name, else the endpoint's.
    """

    endpoint: Endpoint
    model_id: str
    base_url: str | None = None

    @property
    def name(self) -> str:
        """``provider:model_id``: the name in every request hash.

        Without the URL, so that a server that moves is the same model; but with it where the endpoint has none of its
        own: two servers that nobody declared have nothing else to be told apart by.
        """
        name = f"{self.endpoint.name}:{self.model_id}"
        return name if self.endpoint.base_url or not self.base_url else f"{name}@{self.base_url.rstrip('/')}"

    @property
    def shown(self) -> str:
        """The name, and behind it the host and port that it stands for, for a line that says what went wrong.

        >>> resolve("vllm:a@http://127.0.0.1:8001/v1").shown, resolve("server:a@http://[::1]:81/v1").shown
        ('vllm:a at 127.0.0.1:8001', 'server:a@http://[::1]:81/v1')
        """
        name, parts = self.name, urlsplit(self.base_url or "")
        return (
            name
            if not parts.netloc or name.endswith(f"@{(self.base_url or '').rstrip('/')}")
            else f"{name} at {parts.netloc}"
        )

    def connection(self) -> Connection:
        """URL and key; a replay needs neither.

        Raises:
            UsageError: no URL, or one that cannot be used.
            PrerequisiteError: no key, or it would travel in plain text.
        """
        variable = self.endpoint.key_variable
        key = (os.environ.get(variable) or "").strip() if variable else ""
        if variable and self.endpoint.key_required and not key:
            raise PrerequisiteError("KEY_MISSING", f"no key for {self.name}", fix=f"set the variable {variable}")
        if not key.isascii() or not key.isprintable() or " " in key:
            raise PrerequisiteError(
                "KEY_INVALID", "the key holds spaces or characters outside ASCII", where=variable or ""
            )
        if self.base_url is None:
            raise UsageError(
                "URL_MISSING",
                f"no URL for {self.name}",
                fix=f"write {self.name}@URL, or base_url in a file of endpoints",
            )
        if key and not _is_private(self.base_url) and not self.endpoint.plain_http_allowed:
            raise PrerequisiteError(
                "URL_INSECURE",
                "a key would travel in plain text",
                where=self.base_url,
                fix=f"use https, or plain_http_allowed = true in [{self.endpoint.name}] of a file of endpoints",
            )
        return Connection(self.base_url, key or None)


def _is_private(url: str) -> bool:
    """Whether nobody between here and there can read along."""
    parts = urlsplit(url)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name alone.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("localhost.example.org")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@cache
def shipped() -> dict[str, Endpoint]:
    """The endpoints of the package, by name."""
    return _parsed(files("neuroonco.models").joinpath("endpoints.toml").read_text("utf-8"), "endpoints.toml")


def load_endpoints(user_file: Path | None = None) -> dict[str, Endpoint]:
    """Shipped endpoints, and over them the user's: an entry of the user takes the place of a shipped one as a whole.

    Args:
        user_file: a TOML; without it, the one that the variable ``NEUROONCO_ENDPOINTS`` names.

    Raises:
        InputError: the file cannot be read, or says something that no endpoint has.
    """
    named = os.environ.get(USER_FILE_VARIABLE)
    path = user_file or (Path(named) if named else None)
    if path is None:
        return shipped()
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise InputError("ENDPOINTS_INVALID", "larger than 1 MiB", where=str(path))
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InputError("ENDPOINTS_UNREADABLE", what or "unreadable", where=str(path)) from None
    return shipped() | _parsed(text, str(path))


def _parsed(text: str, where: str) -> dict[str, Endpoint]:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError("ENDPOINTS_INVALID", f"not TOML: {error}", where=where) from None
    found = {}
    for name, table in tables.items():
        if not isinstance(table, dict) or not name or not name.replace("-", "").replace("_", "").isalnum():
            raise InputError(
                "ENDPOINTS_INVALID", f"{name!r} is no table of an endpoint", where=where, fix="see docs/models.md"
            )
        try:
            found[name] = Endpoint.model_validate({"name": name, **table})
            _check_url(found[name].base_url, f"{where}, [{name}]")
        except ValidationError as error:
            # The value is not repeated: somebody may have written a key where its variable belongs.
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in (name, *first["loc"]))
            raise InputError(
                "ENDPOINTS_INVALID", f"{place}: {first['msg']}", where=where, fix="see docs/models.md"
            ) from None
    return found


def _check_url(url: str | None, where: str) -> None:
    if url is None:
        return
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise UsageError("URL_INVALID", "not a URL", where=where) from None
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError("URL_INVALID", "a URL holds no user, key or query", where=where, fix="name a key_variable")
    if not usable or any(c.isspace() or not c.isprintable() for c in url):
        raise UsageError("URL_INVALID", "a URL starts with http:// or https:// and names a host", where=where)


_ADDRESS = re.compile(r"@[^@]*(://|/v\d|:\d+(/|$))[^@]*$")
"""An address that is not taken for one: ``@host:8000``, ``@host/v1``, ``@ftp://host``."""


def resolve(name: str, user_file: Path | None = None) -> ResolvedModel:
    """Understand a model's name: ``provider:model_id`` or ``provider:model_id@URL``.

    Args:
        name: the model id may hold colons and ``@``.
        user_file: see :func:`load_endpoints`.

    Raises:
        UsageError: not such a name, an unknown provider, a URL that cannot be used.
        InputError: see :func:`load_endpoints`.
    """
    endpoints = load_endpoints(user_file)
    provider, _, rest = name.partition(":")
    model_id, base_url = rest, None
    for scheme in ("@http://", "@https://"):
        if scheme in rest:
            model_id, _, after = rest.rpartition(scheme)
            base_url = scheme[1:] + after
    if not model_id or not provider or not model_id.isprintable() or " " in model_id:
        raise UsageError(
            "MODEL_NAME_INVALID", "a model is named PROVIDER:MODEL or PROVIDER:MODEL@URL", where=name[:200]
        )
    if base_url is None and _ADDRESS.search(model_id):
        what = "what follows the last @ looks like an address without http:// or https://"
        raise UsageError("MODEL_NAME_INVALID", what, where=name[:200], fix="write PROVIDER:MODEL@http://HOST:PORT/v1")
    if provider not in endpoints:
        known = ", ".join(sorted(endpoints))
        fix = f"use one of {known}, or declare it in a file of endpoints"
        raise UsageError("PROVIDER_UNKNOWN", f"no provider {provider[:60]!r}", fix=fix)
    endpoint = endpoints[provider].terms_of(model_id)
    _check_url(base_url, f"URL of {provider}:{model_id}"[:200])
    return ResolvedModel(endpoint=endpoint, model_id=model_id, base_url=base_url or endpoint.base_url)
