"""Prices of models from a user's file: they change too often to be shipped."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import ValidationError

from neuroonco import store
from neuroonco.errors import InputError
from neuroonco.models.endpoint_records import Price

MAX_FILE_BYTES = 1024**2
FIX = 'write a table for each model, e.g. ["openai:gpt-5*"] with input = 1.25 and output = 10.0'


@dataclass(frozen=True)
class Prices:
    """US dollars for a million tokens, by pattern of a model's name.

    >>> prices = Prices({"vllm:*": Price(input=0, output=0), "openai:gpt-?": Price(input=1, output=8)})
    >>> prices.of("openai:gpt-5").output, prices.of("openai:gpt-5-mini")
    (8.0, None)
    """

    by_pattern: Mapping[str, Price]

    def of(self, name: str) -> Price | None:
        """Price of a model by the first pattern (``*`` and ``?``) that fits its name; None if none does."""
        return next((price for pattern, price in self.by_pattern.items() if fnmatchcase(name, pattern)), None)


def load_prices(path: Path) -> Prices:
    """Read a TOML of prices.

    Raises:
        InputError: the file cannot be read, or is no such file.
    """
    found = {}
    try:
        tables = tomllib.loads(store.read_text(path, MAX_FILE_BYTES))
    except (ValueError, RecursionError) as error:  # also a number of more digits than Python takes, and deep nesting
        raise InputError("PRICES_INVALID", f"not TOML: {str(error)[:200]}", where=str(path), fix=FIX) from None
    for pattern, table in tables.items():
        try:
            found[pattern] = Price.model_validate(table)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, (pattern, *first["loc"])))
            raise InputError("PRICES_INVALID", f"{place}: {first['msg']}", where=str(path), fix=FIX) from None
    return Prices(found)
