"""The libraries of the extra ``volumes``, imported when a file needs them."""

from importlib import import_module
from typing import Any

from neuroonco.errors import PrerequisiteError


def require(module: str) -> Any:
    """Import a module of an optional library.

    Raises:
        PrerequisiteError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError:
        library = module.partition(".")[0]
        raise PrerequisiteError(
            "EXTRA_MISSING", f"this kind of file needs {library}", fix="pip install 'neuroonco[volumes]'"
        ) from None
