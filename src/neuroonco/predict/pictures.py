"""Where the picture of a question lies: under one root, whatever its extension became."""

from pathlib import Path, PurePosixPath

from neuroonco import images
from neuroonco.control_pictures import PictureName
from neuroonco.errors import InputError, printable
from neuroonco.images import Gray, PictureRef

SUFFIXES = tuple(sorted({*images.IMAGE_SUFFIXES, *images.VOLUME_SUFFIXES, ".gif", ".webp"}, key=lambda s: (-len(s), s)))
"""What may stand at the end of a picture's name, the longest first."""
MAX_NAMED, MAX_WHERE = 3, 200


class PictureFinder:
    """Reads pictures under one root; may be used by several threads.

    Benchmarks are often unpacked with other extensions than they were built from. A file that is not there is
    replaced by the only one beside it that has the same name and another extension of a picture; where there are
    several, none is taken.

    Args:
        root: folder to which paths are relative; nothing outside is read.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.renamed: dict[str, str] = {}
        self._listed: dict[str, dict[str, list[str]]] = {}

    def read(self, ref: PictureRef) -> Gray:
        """Pixels of a picture, (height, width) uint8.

        Raises:
            InputError: outside the root, missing, ambiguous or no picture.
            PrerequisiteError: a volume, and the extra ``volumes`` is not installed.
        """
        path = self.locate(ref.image_path)
        return images.read_picture(self.root, PictureName(path, ref.image_channel, ref.image_slice))

    def locate(self, relative: str) -> str:
        """Path of a picture relative to the root, with the extension that it has there.

        Raises:
            InputError: outside the root, missing, ambiguous, or under a name that no file can have.
        """
        try:
            if images.resolve(self.root, relative).is_file():
                return relative
        except OSError as error:  # too long for the file system, or in a folder that may not be looked into
            what = error.strerror or "unreadable"
            raise InputError("FILE_UNREADABLE", what, where=relative[:MAX_WHERE]) from None
        name = PurePosixPath(relative)
        stem, suffix = split_name(name.name)
        beside = self._beside(relative, name).get(stem, []) if suffix is not None else []
        found = [other for other in beside if images.is_volume(other) == images.is_volume(relative)]
        if not found:
            raise InputError("FILE_MISSING", "no such file", where=relative[:MAX_WHERE])
        if len(found) > 1:
            shown = ", ".join(map(printable, found[:MAX_NAMED])) + (", …" if len(found) > MAX_NAMED else "")
            raise InputError("FILE_AMBIGUOUS", f"no such file, and several of another extension: {shown}")
        taken = str(name.with_name(found[0]))
        images.resolve(self.root, taken)
        self.renamed[relative] = taken
        return taken

    @property
    def warning(self) -> str | None:
        """One line where pictures were found under another extension."""
        if not self.renamed:
            return None
        before, after = min(self.renamed.items())
        return f"{len(self.renamed)} pictures have another extension than the benchmark says, e.g. {before} is {after}"

    def _beside(self, relative: str, name: PurePosixPath) -> dict[str, list[str]]:
        """Names of pictures in a file's folder by what stands before their extension."""
        folder = str(name.parent)
        if folder not in self._listed:
            found: dict[str, list[str]] = {}
            try:
                listed = sorted(e.name for e in images.resolve(self.root, relative).parent.iterdir() if _is_file(e))
            except OSError:
                listed = []
            for other in listed:
                stem, suffix = split_name(other)
                if suffix is not None:
                    found.setdefault(stem, []).append(other)
            self._listed[folder] = found
        return self._listed[folder]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False


def split_name(name: str) -> tuple[str, str | None]:
    """A file's name before its extension, and the extension of a picture; None where it has none.

    >>> split_name("case (1).JPG"), split_name("a.b.nii.gz"), split_name("notes.txt")
    (('case (1)', '.JPG'), ('a.b', '.nii.gz'), ('notes.txt', None))
    """
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)], name[-len(suffix) :]
    return name, None
