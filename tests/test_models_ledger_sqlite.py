"""The short way into a SQLite ledger does what the long one does."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroonco.errors import InputError
from neuroonco.models.ledger import Ledger
from neuroonco.models.ledger_tables import batch_items
from neuroonco.models.records import AnswerSchema, ModelAnswer, ModelCall, Turn
from neuroonco.vocabulary import CallStatus

SCHEMA = AnswerSchema(name="s", document="{}")


def call(name: str) -> ModelCall:
    turns = (Turn(role="system", text="S"), Turn(role="user", text=name))
    return ModelCall(purpose="p", prompt_name="n", prompt_sha256="0", turns=turns, schema_=SCHEMA)


def answer(name: str, status: CallStatus, text: str | None, cost_usd: float | None, attempts: int) -> ModelAnswer:
    return ModelAnswer(
        request_hash=call(name).request_hash("m"),
        model="m",
        status=status,
        text=text,
        cost_usd=cost_usd,
        attempts=attempts,
        asked_at="2026-01-01T00:00:00.000+00:00",
    )


NAMES = st.sampled_from("abcd")
ANSWERS = st.builds(
    lambda name, *rest: (call(name), answer(name, *rest)),
    NAMES,
    st.sampled_from(list(CallStatus)),
    st.none() | st.text(max_size=5),
    st.none() | st.floats(0, 1),
    st.integers(0, 9),
)


def long_way(path: Path) -> Ledger:
    ledger = Ledger(path)
    ledger._sqlite = None
    return ledger


@settings(max_examples=25)
@given(st.lists(st.lists(ANSWERS, min_size=1, max_size=6), max_size=4), st.sets(NAMES))
def test_both_ways_keep_and_give_the_same(
    groups: list[list[tuple[ModelCall, ModelAnswer]]], in_batches: set[str]
) -> None:
    with TemporaryDirectory() as folder:
        held = []
        for way in (Ledger, long_way):
            with way(Path(folder) / f"{way.__name__}.sqlite") as ledger:
                with ledger.engine.begin() as connection:
                    for name in sorted(in_batches):
                        key = call(name).request_hash("m")
                        row = {"batch_key": f"b{name}", "request_hash": key, "request": "", "state": "open"}
                        connection.execute(batch_items.insert(), [row, row | {"batch_key": "old", "state": "done"}])
                given_back = [ledger._put_group(group) for group in groups]
                wanted = [(call(name).request_hash("m"), asks) for name in "abcdab" for asks in (True, False)]
                entries = [entry.model_dump() for entry in ledger.entries()]
                held.append((given_back, ledger._get_group(wanted), entries))
        assert held[0] == held[1]


def test_a_group_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        second = call("b").request_hash("m")
        fails = f"WHEN NEW.request_hash = '{second}' BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
        with ledger.engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE TRIGGER fails BEFORE INSERT ON neuroonco_calls {fails}")
        two = [(call(name), answer(name, CallStatus.OK, "x", None, 1)) for name in "ab"]
        with pytest.raises(InputError, match="disk is full"):
            ledger.put_many(two)
        assert list(ledger.entries()) == []
        ledger.put_many(two[:1])
        assert asyncio.run(ledger.get(two[0][1].request_hash)) == two[0][1]
        with ledger.engine.begin() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM neuroonco_texts").scalar() == 2
