"""The ledger on PostgreSQL, where the variable NEUROONCO_TEST_POSTGRES names a database that may be emptied."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

import test_models_batch as batches
import test_models_ledger as shared
from neuroonco import store
from neuroonco.models.ledger import Ledger
from neuroonco.models.ledger_records import LedgerEntry
from neuroonco.models.ledger_tables import metadata

URL = os.environ.get("NEUROONCO_TEST_POSTGRES", "")
pytestmark = pytest.mark.skipif(not URL, reason="NEUROONCO_TEST_POSTGRES names no database")


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    engine = create_engine(URL)
    metadata.drop_all(engine)
    engine.dispose()
    with Ledger(URL) as opened:
        yield opened


@pytest.mark.parametrize(
    "check",
    [
        shared.test_a_final_answer_is_never_replaced_and_attempts_add_up,
        shared.test_equal_calls_in_one_commit_get_one_answer,
        shared.test_one_answer_that_cannot_be_kept_spoils_no_other,
        shared.test_texts_come_back_as_they_were_and_absurd_counts_do_not,
        shared.test_entries_are_found_by_purpose_prefix_and_time,
        shared.test_stats_by_model_purpose_and_status,
        batches.test_a_first_pass_submits_and_a_later_one_collects,
        batches.test_partial_failures_are_recorded_and_submitted_again,
        batches.test_a_cut_off_batch_is_left_alone_while_another_process_may_be_at_it,
    ],
)
def test_it_is_the_same_as_on_sqlite(ledger: Ledger, check: Callable[[Ledger], None]) -> None:
    check(ledger)


def test_an_export_of_one_kind_is_that_of_the_other(ledger: Ledger, tmp_path: Path) -> None:
    calls = [shared.call(f"{n}") for n in range(50)]
    with Ledger(tmp_path / "l.sqlite") as other:
        for each in (ledger, other):
            each.put_many((one, shared.answer(one, latency_s=0.1 * n)) for n, one in enumerate(calls))
        store.save(tmp_path / "a.jsonl", ledger.entries(), LedgerEntry)
        store.save(tmp_path / "b.jsonl", other.entries(), LedgerEntry)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
