"""What can go wrong while a model is trained, in one line of our own."""

import errno
import re
from typing import Final

from neuroonco.errors import InputError, NeuroOncoError, PrerequisiteError
from neuroonco.models.local_weights import is_out_of_memory
from neuroonco.train.loading import SMALLER

OURS: Final = re.compile(r"error\[(\w+)\]: ([^\n]*?)(?:; where: ([^\n]*?))?(?:; fix: ([^\n]*))?(?:\n|$)")
"""The line of an error of ours, in whatever a process that reads data says of it."""
WORKER_KILLED: Final = re.compile(r"DataLoader worker .* (?:is killed|exited unexpectedly)")
UNWRITTEN: Final = (
    "No space left",
    "Disk quota exceeded",
    "Read-only file system",
    "PytorchStreamWriter failed",
    "unexpected pos ",  # the same writer, when it closes what could not be written
)
OF_DISKS: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG)
"""What writing meets; another error of the system, of a network for one, is no matter of a disk."""


def mishap(error: Exception, *, device: str, recipe: str) -> NeuroOncoError | None:
    """The error of ours that says what one of a library means; None for one that nobody but us can mend.

    Args:
        error: raised while training.
        device: that is trained on.
        recipe: its name.

    >>> said = "Caught InputError in DataLoader worker process 0.\\n… error[FILE_MISSING]: no file; where: a\\n"
    >>> print(mishap(RuntimeError(said), device="cpu", recipe="r"))
    error[FILE_MISSING]: no file; where: a
    """
    if isinstance(error, NeuroOncoError):
        return error
    text = str(error)
    if is_out_of_memory(error):
        what = f"memory of {device} ran out while training"
        return PrerequisiteError("MEMORY_EXCEEDED", what, where=recipe, fix=SMALLER)
    if (said := OURS.search(text)) is not None:
        code, what, place, fix = said.groups(default="")
        return InputError(code, what, where=place, fix=fix)
    if WORKER_KILLED.search(text):
        fix = "fewer optimization.workers, or more (shared) memory; the same command goes on"
        return PrerequisiteError("WORKER_KILLED", "a process that reads pictures was killed", where=recipe, fix=fix)
    is_of_a_disk = isinstance(error, OSError) and error.errno in OF_DISKS
    if is_of_a_disk or any(words in text for words in UNWRITTEN):
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no room"
        what, fix = f"a checkpoint cannot be written ({reason})", "make room; the same command goes on"
        return InputError("CANNOT_WRITE", what, where=recipe, fix=fix)
    return None
