"""A recorded client: one request, one call; a replay asks nobody; nothing is used that is not on disk."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neuroonco.errors import InputError, ProviderError
from neuroonco.models import recorded
from neuroonco.models.crowd import Brake
from neuroonco.models.ledger import Ledger
from neuroonco.models.recorded import NOT_IN_LEDGER, CallCounts, RecordedClient
from neuroonco.models.records import ModelAnswer, ModelCall, Turn
from neuroonco.store import sha256_bytes
from neuroonco.vocabulary import CallStatus

PICTURE = b"picture"


def call(text: str = "Read.", purpose: str = "read_conservative", *, picture: bytes | None = None) -> ModelCall:
    sha256 = None if picture is None else sha256_bytes(picture)
    turns = (Turn(role="user", text=text),)
    return ModelCall(purpose=purpose, prompt_name="p", prompt_sha256="0", turns=turns, image_sha256=sha256)


class Model:
    """Answers with the statuses it is given, text by text, and counts how often it was asked."""

    name = "double:model"

    def __init__(self, **statuses: list[CallStatus]) -> None:
        self.statuses = statuses
        self.asked: Counter[str] = Counter()
        self.held_back = asyncio.Event()
        self.held_back.set()

    async def ask(self, call: ModelCall, _image: bytes | None) -> ModelAnswer:
        text = call.turns[0].text
        planned = self.statuses.get(text, [CallStatus.OK])
        status = planned[min(self.asked[text], len(planned) - 1)]
        self.asked[text] += 1
        await self.held_back.wait()
        return ModelAnswer(
            request_hash=call.request_hash(self.name),
            model=self.name,
            status=status,
            text=f"{text} {self.asked[text]}",
            attempts=1,
            cost_usd=0.5,
            input_tokens=10,
            output_tokens=None,
        )


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


async def ask_all(client: RecordedClient, calls: list[ModelCall]) -> list[ModelAnswer]:
    return await asyncio.gather(*(client.ask(one, None) for one in calls))


def test_the_same_request_is_no_second_call_across_runs_and_purposes(ledger: Ledger) -> None:
    model = Model()
    first = asyncio.run(RecordedClient(ledger, model).ask(call("a"), None))
    later = RecordedClient(ledger, model)
    again = asyncio.run(later.ask(call("a", "audit"), None))
    assert again == first
    assert model.asked == {"a": 1}
    assert (later.counts.from_ledger, later.counts.asked, later.counts.cost_usd) == (1, {}, 0.0)


def test_equal_requests_at_one_time_are_one_call(ledger: Ledger) -> None:
    async def run() -> tuple[list[ModelAnswer], RecordedClient, Model]:
        model = Model()
        client = RecordedClient(ledger, model)
        return await ask_all(client, [call("a")] * 20 + [call("b")]), client, model

    answers, client, model = asyncio.run(run())
    assert {answer.text for answer in answers} == {"a 1", "b 1"}
    assert model.asked == {"a": 1, "b": 1}
    assert (client.counts.joined, client.counts.asked) == (19, {CallStatus.OK: 2})
    assert (client.counts.cost_usd, client.counts.input_tokens, client.counts.unpriced) == (1.0, 20, 0)


@pytest.mark.parametrize("status", list(CallStatus))
def test_what_is_not_final_is_asked_once_a_run(ledger: Ledger, status: CallStatus) -> None:
    model = Model(a=[status, CallStatus.OK])
    first, second = RecordedClient(ledger, model), RecordedClient(ledger, model)
    for client in (first, first, first, second, second):
        asyncio.run(client.ask(call("a"), None))
    assert model.asked["a"] == (1 if status.is_final else 2)
    assert (first.counts.joined, first.counts.from_ledger) == (2, 0), "not held before this run"
    assert (second.counts.joined, second.counts.from_ledger) == ((0, 2) if status.is_final else (1, 0))


@pytest.mark.parametrize("status", list(CallStatus))
def test_a_model_that_repeats_itself_is_not_asked_again_for_an_empty_answer(ledger: Ledger, status: CallStatus) -> None:
    model = Model(a=[status, CallStatus.OK])
    for _ in range(3):
        asyncio.run(RecordedClient(ledger, model, repeats_itself=True).ask(call("a"), None))
    assert model.asked["a"] == (1 if status.is_final or status is CallStatus.EMPTY else 2)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from("abcdef"), max_size=12),
    st.lists(st.sampled_from("abcdef"), max_size=24),
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(list(CallStatus))),
)
def test_counts_add_up_and_do_not_depend_on_how_many_are_under_way(
    tmp_path_factory: pytest.TempPathFactory, before: list[str], texts: list[str], ends: dict[str, CallStatus]
) -> None:
    found = []
    for at_once in (1, 4, 99):
        model = Model(**{text: [status] for text, status in ends.items()})
        with Ledger(tmp_path_factory.mktemp("ledger") / "l.sqlite") as ledger:
            asyncio.run(ask_all(RecordedClient(ledger, model), [call(text) for text in before]))
            client = RecordedClient(ledger, model)

            async def run(client: RecordedClient = client, at_once: int = at_once) -> None:
                for start in range(0, len(texts), at_once):
                    await ask_all(client, [call(text) for text in texts[start : start + at_once]])

            asyncio.run(run())
        counts = client.counts
        assert sum(counts.asked.values()) + counts.from_ledger + counts.joined + counts.missing == len(texts)
        found.append((counts.asked, counts.from_ledger, counts.joined))
    held = {text for text in before if ends.get(text, CallStatus.OK).is_final}
    assert found[0][1] == sum(text in held for text in texts)
    assert found[0][2] == len([t for t in texts if t not in held]) - len(set(texts) - held)
    assert found[0] == found[1] == found[2]


def test_a_replay_counts_what_is_missing_however_many_ask_at_once(ledger: Ledger) -> None:
    asyncio.run(RecordedClient(ledger, Model()).ask(call("known"), None))
    replay = RecordedClient(ledger, None, replay=True, name=Model().name)
    asyncio.run(ask_all(replay, [call(text) for text in ("known", "known", "new", "new", "new")]))
    assert (replay.counts.from_ledger, replay.counts.missing, replay.counts.joined) == (2, 3, 0)


def test_retries_and_the_first_failure_are_kept() -> None:
    counts = CallCounts()
    for status, attempts, error in (
        (CallStatus.OK, 3, None),
        (CallStatus.EMPTY, 1, "no text"),
        (CallStatus.FAILED, 6, "HTTP 500"),
        (CallStatus.REJECTED, 1, "HTTP 400"),
        (CallStatus.FAILED, 0, "out of time"),
    ):
        counts.add(ModelAnswer(request_hash="0", model="m", status=status, attempts=attempts, error=error))
    assert (counts.retries, counts.failure) == (7, "HTTP 500")


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from("abcd"), st.lists(st.sampled_from(list(CallStatus)), min_size=1, max_size=4)),
    st.integers(1, 4),
)
def test_any_history_ends_with_as_many_calls_as_its_first_final_answer_needed(
    tmp_path_factory: pytest.TempPathFactory, statuses: dict[str, list[CallStatus]], runs: int
) -> None:
    model = Model(**statuses)
    with Ledger(tmp_path_factory.mktemp("ledger") / "l.sqlite") as ledger:
        for _ in range(runs):
            asyncio.run(ask_all(RecordedClient(ledger, model), [call(text) for text in "abcdabcd"]))
    for text in "abcd":
        planned = statuses.get(text, [CallStatus.OK])
        planned = planned + [planned[-1]] * runs
        needed = next((n + 1 for n, status in enumerate(planned) if status.is_final), runs)
        assert model.asked[text] == min(needed, runs)


def test_a_replay_asks_nobody_and_writes_nothing(ledger: Ledger) -> None:
    model = Model(failed=[CallStatus.FAILED])
    asyncio.run(ask_all(RecordedClient(ledger, model), [call("known"), call("failed")]))
    before = Counter(model.asked)
    replay = RecordedClient(ledger, model, replay=True)
    known, failed, unknown = asyncio.run(ask_all(replay, [call("known"), call("failed"), call("unknown")]))
    assert (known.status, known.text) == (CallStatus.OK, "known 1")
    assert failed.status is CallStatus.FAILED
    assert (unknown.status, unknown.text, unknown.error) == (CallStatus.FAILED, None, NOT_IN_LEDGER)
    assert (replay.counts.from_ledger, replay.counts.missing) == (2, 1)
    assert model.asked == before
    assert sum(1 for _ in ledger.entries()) == 2
    by_name = RecordedClient(ledger, None, replay=True, name=model.name)
    assert asyncio.run(by_name.ask(call("known"), None)) == known


def test_without_a_client_nothing_but_a_replay(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="replay"):
        RecordedClient(ledger, None, name="x")
    with pytest.raises(ValueError, match="replay"):
        RecordedClient(ledger, None, replay=True)


def test_a_picture_that_the_call_does_not_name_is_not_sent(ledger: Ledger) -> None:
    model = Model()
    client = RecordedClient(ledger, model)
    for image in (b"another", None):
        with pytest.raises(ValueError, match="picture"):
            asyncio.run(client.ask(call("a", picture=PICTURE), image))
    assert not model.asked
    assert asyncio.run(client.ask(call("a", picture=PICTURE), PICTURE)).status is CallStatus.OK


def test_a_picture_is_hashed_once_and_another_one_is_refused_all_the_same(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[bytes] = []

    def noting(data: bytes) -> str:
        hashed.append(data)
        return sha256_bytes(data)

    monkeypatch.setattr(recorded, "sha256_bytes", noting)
    client = RecordedClient(ledger, Model())
    pictures = [bytes([number]) * 10 for number in range(3 * recorded.PICTURES_KNOWN)]

    async def run() -> None:
        for picture in pictures:
            for text in "abc":
                await client.ask(call(text, picture=picture), picture)
        for known in (pictures[0], pictures[-1]):
            with pytest.raises(ValueError, match="picture"):
                await client.ask(call("d", picture=PICTURE), known)
            with pytest.raises(ValueError, match="picture"):
                await client.ask(call("d"), known)

    asyncio.run(run())
    assert hashed[: len(pictures)] == pictures


def test_one_asker_gone_leaves_the_answer_to_the_others_and_the_ledger(ledger: Ledger) -> None:
    async def run() -> ModelAnswer:
        model = Model()
        model.held_back.clear()
        client = RecordedClient(ledger, model)
        impatient, patient = (asyncio.ensure_future(client.ask(call("a"), None)) for _ in range(2))
        while not model.asked:
            await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.wait([impatient])
        model.held_back.set()
        return await patient

    answer = asyncio.run(run())
    assert ledger.get_many([answer.request_hash]) == {answer.request_hash: answer}


def test_an_answer_that_cannot_be_recorded_is_not_used(ledger: Ledger) -> None:
    full = "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    with ledger.engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TRIGGER full_disk BEFORE INSERT ON neuroonco_calls {full}")
    with pytest.raises(InputError, match="full"):
        asyncio.run(RecordedClient(ledger, Model()).ask(call("a"), None))


def test_a_stopped_client_still_answers_from_the_ledger(ledger: Ledger) -> None:
    model = Model()
    brake = Brake()
    client = RecordedClient(ledger, model, stopping=brake.stopping)
    known = asyncio.run(client.ask(call("known"), None))
    brake.stop()
    assert asyncio.run(client.ask(call("known"), None)) == known
    with pytest.raises(ProviderError, match="no new calls"):
        asyncio.run(client.ask(call("new"), None))
    assert model.asked == {"known": 1}


def test_what_a_client_raises_is_not_recorded(ledger: Ledger) -> None:
    class Broke(Model):
        async def ask(self, _call: ModelCall, _image: bytes | None) -> ModelAnswer:
            raise ProviderError("COST_LIMIT", "the limit of cost is reached")

    with pytest.raises(ProviderError, match="limit of cost"):
        asyncio.run(RecordedClient(ledger, Broke()).ask(call("a"), None))
    assert list(ledger.entries()) == []
