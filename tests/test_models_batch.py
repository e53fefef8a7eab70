"""Batches: every call in one batch at most, whatever is cut off, and every result in the ledger."""

import asyncio
import ssl
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch_provider import Line, Provider, answered, provided
from neuroonco.errors import PendingError, ProviderError, UsageError
from neuroonco.models import batch_store
from neuroonco.models.as_sent import as_sent
from neuroonco.models.batch import WAITS, BatchClient
from neuroonco.models.batch_records import BatchLimits
from neuroonco.models.batch_store import BatchState
from neuroonco.models.endpoints import resolve
from neuroonco.models.ledger import Ledger
from neuroonco.models.provider_batches import ProviderBatches
from neuroonco.models.recorded import RecordedClient
from neuroonco.models.records import ModelAnswer, ModelCall, Turn
from neuroonco.store import sha256_bytes
from neuroonco.vocabulary import CallStatus

CERTIFICATES = ssl.create_default_context()
"""Loaded once: a client for every pass would take most of the time of these tests."""
SOON = BatchLimits(lookup_after_s=0.0)
KEY = "looks-like-no-key-of-any-provider"
PICTURE = b"\x89PNG picture"


def call(text: str) -> ModelCall:
    turns = (Turn(role="system", text="You read."), Turn(role="user", text=text))
    sha256 = sha256_bytes(PICTURE)
    new = ModelCall(purpose="audit", prompt_name="p", prompt_sha256="0", turns=turns, image_sha256=sha256)
    return as_sent(new, resolve("openai:fake").endpoint)


CALLS = [call(f"slice {n}") for n in range(7)]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


def one_pass(
    ledger: Ledger,
    url: str,
    calls: list[ModelCall] = CALLS,
    limits: BatchLimits = SOON,
    *,
    picture: bytes = PICTURE,
) -> tuple[BatchClient, list[ModelAnswer]]:
    """Collect, ask for everything, submit the rest: what a stage does."""
    model = resolve(f"openai:fake@{url}")

    async def run() -> tuple[BatchClient, list[ModelAnswer]]:
        http = httpx2.AsyncClient(verify=CERTIFICATES, trust_env=False)
        sdk = openai.AsyncOpenAI(api_key=KEY, base_url=url, max_retries=0, http_client=http)
        client = BatchClient(ledger, model, sdk, key=KEY, limits=limits)
        try:
            await client.collect()
            answers = await asyncio.gather(*(client.ask(one, picture) for one in calls))
            await client.submit()
        finally:
            client.close()
            await sdk.close()
        return client, answers

    return asyncio.run(run())


def test_a_first_pass_submits_and_a_later_one_collects(ledger: Ledger) -> None:
    provider = Provider()
    with provided(provider) as url:
        first, answers = one_pass(ledger, url)
        assert {(a.status, a.error) for a in answers} == {(CallStatus.FAILED, WAITS)}
        assert (first.counts.waiting, first.counts.submitted) == (7, 7)
        assert list(ledger.entries()) == []
        second, answers = one_pass(ledger, url)
    assert (second.counts.waiting, second.counts.submitted, second.counts.collected) == (0, 0, {CallStatus.OK: 7})
    assert [a.text for a in answers] == [f"answer to slice {n}" for n in range(7)]
    assert {(a.input_tokens, a.output_tokens, a.served_model, a.attempts) for a in answers} == {(100, 10, "served", 1)}
    line = provider.batches["batch_0"]["lines"][0]
    assert (line["url"], line["body"]["model"]) == ("/v1/chat/completions", "fake")
    assert any("image_url" in part for part in line["body"]["messages"][1]["content"])
    assert list(provider.files) == ["output_batch_0"]  # our pictures were deleted there
    row = next(batch_store.batch_rows(ledger))
    assert (row.state, row.waiting, row.provider_status) == (BatchState.COLLECTED, 0, "completed")
    replay = RecordedClient(ledger, None, replay=True, name=second.name)
    assert asyncio.run(replay.ask(CALLS[0], None)) == answers[0]


def test_what_waits_is_not_submitted_again(ledger: Ledger) -> None:
    provider = Provider(ends="in_progress")
    with provided(provider) as url:
        passes = [one_pass(ledger, url, [*CALLS, *CALLS[:2]])[0] for _ in range(3)]
    assert [client.counts.submitted for client in passes] == [7, 0, 0]
    assert [client.counts.waiting for client in passes] == [9, 9, 9]
    assert next(batch_store.batch_rows(ledger)).provider_status == "in_progress"


@pytest.mark.parametrize("limits", [BatchLimits(requests=3), BatchLimits(file_bytes=1200)], ids=["requests", "bytes"])
def test_files_stay_below_the_limits(ledger: Ledger, limits: BatchLimits) -> None:
    provider = Provider()
    with provided(provider) as url:
        one_pass(ledger, url, limits=limits)
        sizes = [len(batch["lines"]) for batch in provider.batches.values()]
        uploads = [len(data) for data in provider.files.values()]
        client, _ = one_pass(ledger, url)
    assert sum(sizes) == 7
    assert len(sizes) >= 3
    assert max(sizes) <= limits.requests
    assert max(uploads) <= limits.file_bytes
    assert client.counts.collected == {CallStatus.OK: 7}


def failed(line: Line, status: int, code: str) -> Line:
    body = {"error": {"code": code, "message": "as planned, key sk-abcdefghij"}}
    return {"custom_id": line["custom_id"], "response": {"status_code": status, "body": body}, "error": None}


def test_partial_failures_are_recorded_and_submitted_again(ledger: Ledger) -> None:
    def result(line: Line) -> Line | None:
        number = int(line["body"]["messages"][1]["content"][-1]["text"].split()[-1])
        if len(provider.batches) > 1:
            return answered(line)
        return {
            0: failed(line, 400, "bad_schema"),
            1: failed(line, 500, "server_error"),
            2: failed(line, 400, "content_filter"),
            3: {"custom_id": line["custom_id"], "response": None, "error": {"code": "batch_expired"}},
            4: None,
            5: {"custom_id": "f" * 64, "response": answered(line)["response"]},  # type: ignore[index]
        }.get(number, answered(line))

    provider = Provider(result=result, ends="expired")
    with provided(provider) as url:
        one_pass(ledger, url)
        second, answers = one_pass(ledger, url)
        third, finally_answered = one_pass(ledger, url)
    assert [a.status.value for a in answers[:4]] == ["rejected", "failed", "refused", "failed"]
    assert [a.error for a in answers[4:6]] == [WAITS, WAITS]
    assert "sk-abc" not in str([a.error for a in answers])
    assert (second.counts.unreadable, second.counts.released, second.counts.submitted) == (1, 2, 2)
    assert second.counts.waiting == 2
    assert third.counts.submitted == 3  # what failed in the first batch; a new run asks it again
    assert {a.status for a in finally_answered[4:]} == {CallStatus.OK}


@pytest.mark.parametrize("where", ["drop", "lose"])
@pytest.mark.parametrize("route", ["/files", "/batches"])
def test_a_connection_cut_at_the_submission_neither_loses_nor_doubles(ledger: Ledger, where: str, route: str) -> None:
    provider = Provider(**{where: route})
    with provided(provider) as url:
        with pytest.raises(ProviderError) as caught:
            one_pass(ledger, url)
        assert caught.value.code == "BATCH_UNREACHABLE"
        for _ in range(2):
            client, answers = one_pass(ledger, url)
    assert max(Counter(provider.submitted()).values()) == 1
    assert client.counts.waiting == 0
    assert [a.text for a in answers] == [f"answer to slice {n}" for n in range(7)]


def test_a_cut_off_batch_is_left_alone_while_another_process_may_be_at_it(ledger: Ledger) -> None:
    provider = Provider(lose="/batches")
    with provided(provider) as url:
        with pytest.raises(ProviderError):
            one_pass(ledger, url)
        patient, _ = one_pass(ledger, url, limits=BatchLimits())
        assert (patient.counts.waiting, patient.counts.submitted) == (7, 0)
        later, _ = one_pass(ledger, url)
    assert (later.counts.released, later.counts.submitted) == (7, 7)


def test_a_batch_that_the_provider_does_not_take_is_free_at_once(ledger: Ledger) -> None:
    provider = Provider(refuse=400)
    with provided(provider) as url:
        with pytest.raises(ProviderError, match="400"):
            one_pass(ledger, url)
        client, _ = one_pass(ledger, url, limits=BatchLimits())
    assert client.counts.submitted == 7
    assert [row.state for row in batch_store.batch_rows(ledger)] == [BatchState.RELEASED, BatchState.SUBMITTED]


def test_an_endpoint_without_batches_is_told_from_the_start(ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="no batches"):
        BatchClient(ledger, resolve("anthropic:claude"), openai.AsyncOpenAI(api_key="none"), key=None)


def test_an_upload_that_takes_longer_than_others_wait_is_not_submitted_too(ledger: Ledger) -> None:
    provider = Provider()
    with provided(provider) as url:
        provider.during = lambda: one_pass(ledger, url)
        late, _ = one_pass(ledger, url)
        assert (late.counts.waiting, late.counts.submitted) == (7, 0)
        assert Counter(provider.submitted()) == {one.request_hash(late.name): 1 for one in CALLS}
        assert len(provider.files) == 1  # the late upload was deleted
        client, answers = one_pass(ledger, url)
    assert [a.text for a in answers] == [f"answer to slice {n}" for n in range(7)]
    assert client.counts.unreadable == 0


def test_what_was_given_up_by_hand_during_the_upload_is_not_submitted(ledger: Ledger) -> None:
    def give_up() -> None:
        row = next(batch_store.batch_rows(ledger))
        batch_store.close(ledger, row.batch_key, BatchState.RELEASED)

    provider = Provider(during=give_up)
    with provided(provider) as url:
        assert one_pass(ledger, url)[0].counts.submitted == 0
        assert provider.batches == {}
        assert one_pass(ledger, url)[0].counts.submitted == 7


def test_a_look_up_does_not_give_up_what_was_renewed_meanwhile(ledger: Ledger) -> None:
    one = CALLS[0]
    batch_store.prepare(ledger, "k", "m", {one.request_hash("m"): one})
    (before,) = batch_store.batch_rows(ledger)
    assert batch_store.confirm(ledger, "k", "file_0")
    assert batch_store.close(ledger, "k", BatchState.RELEASED, as_read=before) is None
    (after,) = batch_store.batch_rows(ledger)
    assert (after.state, after.waiting, after.provider_file_id) == (BatchState.PREPARED, 1, "file_0")
    assert after.prepared_at > before.prepared_at
    assert batch_store.close(ledger, "k", BatchState.RELEASED, as_read=after) == 1
    assert not batch_store.confirm(ledger, "k", "file_0")


def test_a_provider_that_does_not_say_in_time_whether_it_began_is_looked_up(ledger: Ledger) -> None:
    provider = Provider()
    with provided(provider) as url:
        with pytest.raises(ProviderError) as caught:
            one_pass(ledger, url, limits=BatchLimits(begin_s=0.0))
        assert caught.value.code == "BATCH_UNREACHABLE"
        assert [row.state for row in batch_store.batch_rows(ledger)] == [BatchState.PREPARED]
        for _ in range(2):
            _, answers = one_pass(ledger, url)
    assert [a.text for a in answers] == [f"answer to slice {n}" for n in range(7)]
    assert max(Counter(provider.submitted()).values()) == 1
    assert BatchLimits().lookup_after_s >= 20 * BatchLimits().begin_s


def test_one_batch_that_vanished_holds_up_no_other_and_is_not_paid_twice_unasked(ledger: Ledger) -> None:
    provider = Provider()
    with provided(provider) as url:
        one_pass(ledger, url, limits=BatchLimits(requests=3))
        del provider.batches["batch_0"]
        client, answers = one_pass(ledger, url)
        (vanished,) = client.counts.vanished
        assert Counter(a.status.value for a in answers) == {"ok": 4, "failed": 3}
        assert (client.counts.waiting, client.counts.submitted) == (3, 0)
        rows = {row.batch_key: row for row in batch_store.batch_rows(ledger)}
        assert "404" in str(rows[vanished].error)
        assert rows[vanished].waiting == 3
        batch_store.close(ledger, vanished, BatchState.RELEASED)  # `ledger batches --release`
        assert one_pass(ledger, url)[0].counts.submitted == 3
        assert one_pass(ledger, url)[0].counts.waiting == 0


def test_results_that_the_provider_deleted_free_their_calls(ledger: Ledger) -> None:
    provider = Provider()
    with provided(provider) as url:
        one_pass(ledger, url, limits=BatchLimits(requests=4))
        provider.look("batch_0")
        del provider.files["output_batch_0"]
        client, answers = one_pass(ledger, url)
    assert (client.counts.released, client.counts.submitted) == (4, 4)
    assert Counter(a.status.value for a in answers) == {"ok": 3, "failed": 4}
    first = next(batch_store.batch_rows(ledger))
    assert first.state is BatchState.COLLECTED
    assert "404" in str(first.error)


def test_a_picture_that_the_call_does_not_name_is_not_queued(ledger: Ledger) -> None:
    provider = Provider()
    with provided(provider) as url, pytest.raises(ValueError, match="picture"):
        one_pass(ledger, url, CALLS[:1], picture=b"\x89PNG another")
    assert provider.submitted() == []


@pytest.mark.parametrize("padding", [0, 290], ids=["short", "cut inside the key"])
def test_the_key_reaches_neither_the_ledger_nor_an_error(ledger: Ledger, padding: int) -> None:
    says = "x" * padding + f" {KEY} and sk-abcdefghij"

    def result(line: Line) -> Line | None:
        return failed(line, 400, says) if "slice 0" in str(line) else None

    provider = Provider(result=result, ends="failed", refuse=400, says=says)
    with provided(provider) as url:
        with pytest.raises(ProviderError) as caught:
            one_pass(ledger, url)
        one_pass(ledger, url)
        provider.batches["batch_0"]["errors"] = {"object": "list", "data": [{"message": says}, {"message": says}]}
        one_pass(ledger, url)
    rows, entries = list(batch_store.batch_rows(ledger)), list(ledger.entries())
    assert [row.state for row in rows[:2]] == [BatchState.RELEASED, BatchState.COLLECTED]
    errors = [caught.value.line, *(str(row.error) for row in rows[:2]), str(entries[0].answer.error)]
    for error in errors:
        assert KEY[:8] not in error
        assert "sk-abc" not in error
    assert "x" * padding in errors[2]
    stored = Path(ledger.where).read_bytes() + Path(f"{ledger.where}-wal").read_bytes()
    assert KEY.encode() not in stored


def test_what_waits_in_a_batch_is_not_asked_directly(ledger: Ledger) -> None:
    class Model:
        name = resolve("openai:fake").name
        asked = 0

        async def ask(self, call: ModelCall, _image: bytes | None) -> ModelAnswer:
            self.asked += 1
            return ModelAnswer(request_hash=call.request_hash(self.name), model=self.name, status=CallStatus.OK)

    with provided(Provider()) as url:
        one_pass(ledger, url)
    (row,) = batch_store.batch_rows(ledger)
    model = Model()
    with pytest.raises(PendingError, match=row.batch_key) as caught:
        asyncio.run(RecordedClient(ledger, model).ask(CALLS[0], PICTURE))
    assert (caught.value.code, model.asked) == ("BATCH_PENDING", 0)
    assert f"--release {row.batch_key}" in caught.value.fix
    batch_store.close(ledger, row.batch_key, BatchState.RELEASED)
    assert asyncio.run(RecordedClient(ledger, model).ask(CALLS[0], PICTURE)).status is CallStatus.OK


class Killed(BaseException):
    """Ends a pass where a signal could."""


KILLS = ["prepare", "confirm", "begin", "_submitted", "put_many", "settle", "close"]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(KILLS), st.booleans(), st.integers(0, 2)), max_size=5))
def test_killed_anywhere_every_call_is_submitted_once_and_answered(
    tmp_path_factory: pytest.TempPathFactory, kills: list[tuple[str, bool, int]]
) -> None:
    provider = Provider()
    limits = BatchLimits(requests=3, lookup_after_s=0.0)
    with Ledger(tmp_path_factory.mktemp("ledger") / "l.sqlite") as ledger, provided(provider) as url:
        for name, is_after, skipped in kills:
            with pytest.MonkeyPatch.context() as patch:
                _kill_at(patch, name, is_after, skipped)
                with suppress(Killed):
                    one_pass(ledger, url, limits=limits)
        one_pass(ledger, url, limits=limits)
        client, answers = one_pass(ledger, url, limits=limits)
        entries = list(ledger.entries())
    assert Counter(provider.submitted()) == {one.request_hash(client.name): 1 for one in CALLS}
    assert [a.text for a in answers] == [f"answer to slice {n}" for n in range(7)]
    assert {entry.attempts_total for entry in entries} == {1}


def _kill_at(patch: pytest.MonkeyPatch, name: str, is_after: bool, skipped: int) -> None:
    """Let a step raise, before or after it is done, at its first, second or third time."""
    owners: dict[str, Any] = {"begin": ProviderBatches, "put_many": Ledger, "_submitted": BatchClient}
    owner = owners.get(name, batch_store)
    original, times = getattr(owner, name), [0]

    def mortal(*args: Any, **kwargs: Any) -> Any:
        times[0] += 1
        if times[0] <= skipped:
            return original(*args, **kwargs)
        if name == "begin":
            return dying(original(*args, **kwargs))
        if is_after:
            original(*args, **kwargs)
        raise Killed

    async def dying(step: Any) -> Any:
        if is_after:
            await step
        elif hasattr(step, "close"):
            step.close()
        raise Killed

    patch.setattr(owner, name, mortal)
