"""A mapping as YAML that every reader takes alike."""

import json
import math
from collections.abc import Mapping
from typing import Any


def yaml_text(settings: Mapping[str, Any], *, comments: Mapping[str, str] | None = None) -> str:
    """Block style for mappings; all values as JSON writes them, but for numbers, which YAML 1.1 has to take as such.

    Args:
        settings: scalars, lists of scalars and mappings of these.
        comments: key -> line that stands before it.

    >>> print(yaml_text({"a": 1e-05, "b": ["x", 2], "c": {"D": "1"}, "e": True}, comments={"e": "why"}), end="")
    a: 1.0e-05
    b: ["x", 2]
    c:
      D: "1"
    # why
    e: true
    """
    lines = []
    for key, value in settings.items():
        if comments and key in comments:
            lines.append(f"# {comments[key]}")
        if isinstance(value, Mapping):
            lines.append(f"{key}:")
            lines += [f"  {inner}: {_scalar(one)}" for inner, one in value.items()]
        elif isinstance(value, list | tuple):
            lines.append(f"{key}: [{', '.join(map(_scalar, value))}]")
        else:
            lines.append(f"{key}: {_scalar(value)}")
    return "\n".join(lines) + "\n"


def _scalar(value: Any) -> str:
    if isinstance(value, float) and math.isfinite(value):
        number = repr(value)
        if "e" in number and "." not in number:  # 1e-05 is a text to YAML 1.1
            number = number.replace("e", ".0e")
        return number
    return json.dumps(value, allow_nan=False)
