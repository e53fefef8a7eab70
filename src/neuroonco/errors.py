"""What can go wrong, as one line a person can act on.

NeuroOncoError            exit  what it means
├── UsageError             2    the command line does not make sense
├── InputError             3    a file or folder given by the user cannot be used
├── PrerequisiteError      4    a key, an extra or a device is missing
├── ProviderError          5    a model endpoint failed after all retries
└── PendingError           6    something that takes hours is under way; the same command goes on from there

``ChecksFailedError`` (exit 1) is for a command that finished its work and found it wanting.
"""


class NeuroOncoError(Exception):
    """Base of all errors that are shown without a traceback.

    Args:
        code: stable upper-case name, e.g. ``ROOT_MISSING``; scripts match on it.
        what: what is wrong, one sentence without a full stop.
        where: the file, row or option it concerns.
        fix: what was expected, or what to do.

    >>> print(InputError("ROOT_MISSING", "no such folder", where="data/", fix="pass an existing folder").line)
    error[ROOT_MISSING]: no such folder; where: data/; fix: pass an existing folder
    """

    exit_code = 1

    def __init__(self, code: str, what: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.code, self.what, self.where, self.fix = code, what, where, fix

    @property
    def line(self) -> str:
        """The one line a person sees; control characters from hostile names are escaped."""
        parts = [f"error[{self.code}]: {self.what}"]
        if self.where:
            parts.append(f"where: {self.where}")
        if self.fix:
            parts.append(f"fix: {self.fix}")
        return printable("; ".join(parts))

    def __str__(self) -> str:
        return self.line

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process boundaries by pickle, which would otherwise lose the keyword arguments.
        return (_rebuild, (type(self), self.code, self.what, self.where, self.fix))


def _rebuild(cls: type[NeuroOncoError], code: str, what: str, where: str, fix: str) -> NeuroOncoError:
    return cls(code, what, where=where, fix=fix)


def printable(text: str) -> str:
    r"""Escape what could break a line or a terminal: file names are data, not text we wrote.

    >>> printable("a\nb\x1b[31m")
    'a\\nb\\x1b[31m'
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode("ascii") for c in text
    )


class ChecksFailedError(NeuroOncoError):
    """The work is done and its result does not pass."""

    exit_code = 1


class UsageError(NeuroOncoError):
    """The command line does not make sense."""

    exit_code = 2


class InputError(NeuroOncoError):
    """A file or folder given by the user cannot be used."""

    exit_code = 3


class PrerequisiteError(NeuroOncoError):
    """A key, an optional extra or a device is missing."""

    exit_code = 4


class ProviderError(NeuroOncoError):
    """A model endpoint failed after all retries."""

    exit_code = 5


class PendingError(NeuroOncoError):
    """Nothing is wrong: a provider works on it, and the same command goes on when it is done."""

    exit_code = 6
