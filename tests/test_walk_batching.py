"""A pass of batches from a stage: what waits is said in one line, without the key."""

from pathlib import Path

import pytest

from batch_provider import Provider, provided
from neuroonco.errors import PendingError, ProviderError
from neuroonco.models.batch_store import batch_rows
from neuroonco.models.endpoints import resolve
from neuroonco.models.ledger import Ledger
from neuroonco.models.protocol import ModelClient
from neuroonco.models.records import ModelAnswer, ModelCall, Turn
from neuroonco.vocabulary import CallStatus
from neuroonco.walk.batching import ask_in_batches

KEY = "looks-like-no-key-of-any-provider"


async def ask(client: ModelClient, text: str) -> ModelAnswer:
    turns = (Turn(role="user", text=text),)
    return await client.ask(ModelCall(purpose="audit", prompt_name="p", prompt_sha256="0", turns=turns), None)


def one_pass(url: str, place: Path) -> list[ModelAnswer]:
    answers: list[ModelAnswer] = []
    model = resolve(f"openai:fake@{url}")
    ask_in_batches(["a", "b"], ask, model, str(place), each=answers.append, progress=lambda _done: None)
    return answers


def test_what_waits_is_named_and_what_vanished_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    provider, place = Provider(), tmp_path / "ledger.sqlite"
    with provided(provider) as url:
        with pytest.raises(PendingError, match="2 calls wait in batches: batch_0"):
            one_pass(url, place)
        kept = provider.batches.pop("batch_0")
        with Ledger(place) as ledger:
            (row,) = batch_rows(ledger)
        with pytest.raises(PendingError, match=f"does not know {row.batch_key}") as caught:
            one_pass(url, place)
        assert f"neuroonco ledger batches --release {row.batch_key}" in caught.value.fix
        provider.batches["batch_0"] = kept
        assert [answer.status for answer in one_pass(url, place)] == [CallStatus.OK] * 2


def test_the_key_of_the_environment_is_blanked_where_the_provider_repeats_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    place = tmp_path / "ledger.sqlite"
    with provided(Provider(refuse=400, says=f"no credit for {KEY}")) as url, pytest.raises(ProviderError) as caught:
        one_pass(url, place)
    assert "no credit for ***" in caught.value.line
    assert KEY.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
