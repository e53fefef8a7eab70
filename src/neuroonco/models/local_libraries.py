"""The libraries of the extra ``train``, imported when a local model is used, and what they find on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

from neuroonco.errors import PrerequisiteError, UsageError

INSTALL: Final = (
    "pip install 'neuroonco[train]'; on a machine without a GPU first: "
    "pip install torch --index-url https://download.pytorch.org/whl/cpu"
)
DTYPES: Final = ("auto", "float32", "bfloat16", "float16")


def import_extra(module: str) -> Any:
    """Import a module of the extra ``train``.

    Raises:
        PrerequisiteError: it is not installed, or cannot be loaded.
    """
    library = module.partition(".")[0]
    try:
        return import_module(module)
    except ModuleNotFoundError:
        raise PrerequisiteError("EXTRA_MISSING", f"a local model needs {library}", fix=INSTALL) from None
    except (ImportError, OSError, RuntimeError) as error:
        what = f"{library} is installed and cannot be loaded ({type(error).__name__})"
        raise PrerequisiteError("EXTRA_BROKEN", what, fix=INSTALL) from None


@contextmanager
def quiet(transformers: Any) -> Iterator[None]:
    """Keep the library's reports and bars off the screen while it loads: they name folders, and errors say the same."""
    said = transformers.utils.logging
    verbosity, had_bars = said.get_verbosity(), said.is_progress_bar_enabled()
    said.set_verbosity(said.CRITICAL)
    said.disable_progress_bar()
    try:
        yield
    finally:
        said.set_verbosity(verbosity)
        if had_bars:
            said.enable_progress_bar()


def device_of(torch: Any, wanted: str | None) -> str:
    """Device to compute on: the first GPU where there is one, unless another is wanted.

    Args:
        torch: the library.
        wanted: ``cpu``, ``cuda``, ``cuda:1``, ``mps``; None chooses.

    Raises:
        UsageError: no such kind of device.
        PrerequisiteError: it is not there.
    """
    if wanted is None:
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(wanted)
    except (RuntimeError, TypeError):
        device = None
    if device is None or device.type not in ("cpu", "cuda", "mps"):
        raise UsageError("DEVICE_UNKNOWN", "unknown device", where=wanted, fix="one of cpu, cuda, cuda:NUMBER, mps")
    index = device.index or 0
    if device.type == "cuda" and not torch.cuda.is_available():
        fix = "leave the device out to compute on the CPU, or install the build of torch for this GPU"
        raise PrerequisiteError("GPU_MISSING", "a GPU is wanted, and torch sees none", where=wanted, fix=fix)
    if device.type == "cuda" and index >= torch.cuda.device_count():
        what, last = f"torch sees {torch.cuda.device_count()} GPUs", torch.cuda.device_count() - 1
        raise PrerequisiteError("GPU_MISSING", what, where=wanted, fix=f"the last one is cuda:{last}")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise PrerequisiteError("GPU_MISSING", "torch sees no Apple GPU", where=wanted, fix="leave the device out")
    return f"cuda:{index}" if device.type == "cuda" else str(device.type)


def dtype_name(wanted: str, device: str) -> str:
    """Number format of the weights: bfloat16 on a GPU and float32 on a CPU, unless another is wanted.

    Raises:
        UsageError: no such format.

    >>> dtype_name("auto", "cuda:0"), dtype_name("auto", "cpu"), dtype_name("float16", "cuda:0")
    ('bfloat16', 'float32', 'float16')
    """
    if wanted not in DTYPES:
        raise UsageError("DTYPE_UNKNOWN", "unknown number format", where=wanted, fix=f"one of {', '.join(DTYPES)}")
    if wanted != "auto":
        return wanted
    return "float32" if device == "cpu" else "bfloat16"
