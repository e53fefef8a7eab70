"""Whether all pictures of a study's benchmark can be read: looked at before the first step."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from neuroonco.control_pictures import PictureName
from neuroonco.errors import InputError
from neuroonco.images import PictureRef
from neuroonco.predict.pictures import PictureFinder

MAX_WHERE = 200


@dataclass(frozen=True)
class BenchmarkPictures:
    """Pictures of a benchmark.

    Attributes:
        number: different ones.
        unread: relative paths of those that cannot be read, in the order of the questions.
    """

    number: int
    unread: tuple[str, ...]


def read_all(items: Iterable[PictureRef], root: Path) -> BenchmarkPictures:
    """Decode each picture once: a file that is there may still be cut off, or be no picture.

    Args:
        items: questions. root: folder to which their paths are relative.

    Raises:
        PrerequisiteError: a volume, and the extra ``volumes`` is not installed.
    """
    finder, unread = PictureFinder(root), []
    names = dict.fromkeys(PictureName.of(item) for item in items)
    for name in names:
        try:
            finder.read(name)
        except InputError:
            unread.append(name.image_path)
    return BenchmarkPictures(len(names), tuple(unread))


def require_readable(pictures: BenchmarkPictures, benchmark: str) -> None:
    """Refuse a study that would train for hours and then state nothing.

    Raises:
        InputError: a picture cannot be read (counted, the first one named).
    """
    if not pictures.unread:
        return
    first = pictures.unread[0][:MAX_WHERE]
    what = f"{len(pictures.unread)} of the benchmark's {pictures.number} pictures cannot be read, the first is {first}"
    fix = (
        "pass as --benchmark-root the folder to which these paths are relative, or mend the files; --allow-missing "
        "goes on, and the study then states nothing"
    )
    raise InputError("STUDY_PICTURES", what, where=benchmark, fix=fix)
