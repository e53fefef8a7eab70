"""The ledger for a person: calls and figures as text for a terminal."""

from neuroonco.errors import printable
from neuroonco.models.ledger_records import LedgerEntry, LedgerStats


def described(entry: LedgerEntry) -> str:
    """A call for a person; texts of models and slices are escaped line by line."""
    call, answer = entry.call, entry.answer
    paid = "unknown" if entry.cost_usd_total is None else f"{entry.cost_usd_total:.6f} USD"
    facts = {
        "call": entry.request_hash,
        "model": answer.model if answer.served_model is None else f"{answer.model} (served {answer.served_model})",
        "purpose": f"{call.purpose}; prompt {call.prompt_name} {call.prompt_sha256[:12]}",
        "picture": call.image_sha256 or "none",
        "asked": f"{answer.asked_at or entry.first_asked_at}; {entry.attempts_total} requests; cost {paid}",
        "status": f"{answer.status.value}; finish reason {answer.finish_reason}",
        "error": answer.error,
    }
    lines = [f"{name}: {printable(value)}" for name, value in facts.items() if value is not None]
    for turn in call.turns:
        lines += [f"{printable(turn.role)}:", *_indented(turn.text)]
    lines += ["answer:", *_indented(answer.text if answer.text is not None else "(none)")]
    return "\n".join([*lines, ""])


def _indented(text: str) -> list[str]:
    return [f"    {printable(line)}" for line in text.split("\n")]


def figures(row: LedgerStats) -> list[str]:
    """Figures of one group for a person, at any width of the terminal."""
    tokens = f"{row.input_tokens} in, {row.output_tokens} out" if row.counted else "not counted"
    cost = "unknown" if row.cost_usd is None else f"{row.cost_usd:.4f} USD"
    latency = "not measured"
    if row.latency_median_s is not None and row.latency_p95_s is not None:
        latency = f"median {row.latency_median_s:.3f} s, 95th percentile {row.latency_p95_s:.3f} s"
    return [
        f"calls: {row.n}, in {row.attempts} requests",
        f"tokens: {tokens} (n = {row.counted})",
        f"cost: {cost} (n = {row.priced})",
        f"latency: {latency} (n = {row.timed})",
    ]
