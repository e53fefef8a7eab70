"""Names of people: one spelling each, and no two that look alike by case or by spaces alone."""

import unicodedata

from pydantic import ValidationError

from neuroonco.errors import InputError, printable
from neuroonco.review.room_records import Person, Role


def person_of(name: str, role: Role) -> Person:
    """A person of a sound name, in its composed Unicode spelling.

    Raises:
        InputError: ``NAME_INVALID``.

    >>> person_of("Zoe\\u0308 M.", Role.READER).name
    'Zoë M.'
    """
    fix = "use letters, digits, single spaces and _ . ' -, 60 characters at most"
    invalid = InputError("NAME_INVALID", "not a name", where=printable(name[:60]), fix=fix)
    try:
        spelled = unicodedata.normalize("NFC", name)
        person = Person(name=spelled, role=role)
    except (ValidationError, ValueError):
        raise invalid from None
    if " ".join(spelled.split()) != spelled or any(unicodedata.category(char)[0] == "C" for char in spelled):
        raise invalid
    return person


def folded(name: str) -> str:
    """What two names must not share.

    >>> folded("Ann") == folded("ANN"), folded("Ann") == folded("Anna")
    (True, False)
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
