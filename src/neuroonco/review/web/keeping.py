"""Figures of a room, made once for each state of it however often they are asked for."""

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from starlette.datastructures import State

from neuroonco.review.room import Room

Made = TypeVar("Made")
_ADDING = Lock()


class Kept(Generic[Made]):
    """What was made of a room as of its latest event; people who ask meanwhile wait for it instead of making it too.

    Args:
        make: the figures; of immutable records, since everybody gets the same.
    """

    def __init__(self, make: Callable[[Room], Made]) -> None:
        self._make = make
        self._making = Lock()
        self._known: tuple[object, Made] | None = None

    def of(self, room: Room) -> Made:
        """Made anew where something was done, or people or assignments were added, since."""
        with self._making:
            # Before the figures: what is done meanwhile shows in the next ones.
            people = [(person.name, person.role) for person in room.people()]
            state = room.last_seq(), people, len(room.assignments())
            if self._known is None or self._known[0] != state:
                self._known = state, self._make(room)
            return self._known[1]


def kept(state: State, name: str, make: Callable[[Room], Made]) -> Kept[Made]:
    """The one that an application keeps under a name."""
    with _ADDING:
        if not hasattr(state, name):
            setattr(state, name, Kept(make))
        found: Kept[Made] = getattr(state, name)
        return found
