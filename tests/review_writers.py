"""A process that saves judgements into a room, for tests of several writers and of killing one.

``python review_writers.py PLACE NAME FIRST LAST``: saves as NAME, question after question, and prints the number and id
of each save once it is acknowledged. Waits for a line on its standard input first.
"""

import sys

from neuroonco.review.judgement import judge
from neuroonco.review.room import Room
from neuroonco.review.room_records import Round


def save_all(place: str, reader: str, saves: range) -> None:
    """Save one judgement after the other, each based on the lane as it is."""
    with Room(place) as room:
        items = list(room.items())
        print("ready", flush=True)
        sys.stdin.readline()
        for n in saves:
            item = items[n % len(items)]
            lane = room.lane(item.key, reader, Round.FIRST)
            saved = room.save(
                item.key,
                reader,
                Round.FIRST,
                judge(item.item, answer="AB"[n // len(items) % 2], comment=f"save {n}"),
                based_on=lane.version if lane else 0,
                save_id=f"{reader}-{n}",
            )
            print(saved.event.seq, saved.event.save_id, saved.outcome.value, flush=True)


if __name__ == "__main__":
    save_all(sys.argv[1], sys.argv[2], range(int(sys.argv[3]), int(sys.argv[4])))
