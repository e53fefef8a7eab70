"""Data blocks of static pages: a slice inside the page itself, for pages that no server serves."""

import base64
import json
import zlib

from markupsafe import Markup

from neuroonco.images import Mask
from neuroonco.viewer.records import SliceFacts
from neuroonco.viewer.values import Stored, wire_bytes

_ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""What could end a script element, or begin a comment in it; inside JSON these stand in strings only."""


def data_block(values: Stored, facts: SliceFacts, mask: Mask | None = None) -> Markup:
    """A slice as JSON that can stand inside ``<script type="application/json">`` as it is.

    Args:
        values: as :func:`neuroonco.viewer.values.read_values` gives them; the same bytes as from a server, packed by
            zlib (``deflate`` in the words of browsers) and base64.
        facts: what they mean.
        mask: (height, width), or None; packed likewise, one byte a pixel.

    Raises:
        ValueError: facts or mask of another size than the values.
    """
    expected = (facts.height_px, facts.width_px)
    channels = 1 if values.ndim == 2 else values.shape[2]
    if values.shape[:2] != expected or channels != facts.channels or values.dtype.itemsize * 8 != facts.bits:
        raise ValueError(f"values of shape {values.shape} and type {values.dtype}, facts of {facts}")
    if mask is not None and mask.shape != expected:
        raise ValueError(f"mask of shape {mask.shape}, values of shape {values.shape}")
    return json_block(
        {
            "facts": facts.model_dump(mode="json"),
            "zlib_base64": _packed(wire_bytes(values)),
            "mask_zlib_base64": None if mask is None else _packed(mask.astype("uint8").tobytes()),
        }
    )


def json_block(content: object) -> Markup:
    """Anything that JSON can say, so that it can stand inside a script element.

    >>> print(json_block({"a": "</script><!--"}))
    {"a":"\\u003c/script\\u003e\\u003c!--"}
    """
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup("".join(_ESCAPED.get(c, c) for c in text))  # noqa: S704


def _packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")
