"""Changes of a recipe on the command line: ``--set FIELD=VALUE``."""

from collections.abc import Sequence

from neuroonco.errors import UsageError


def changes_of(pairs: Sequence[str]) -> dict[str, object]:
    """Dotted fields and their values, as text.

    Raises:
        UsageError: one that is no ``FIELD=VALUE``.

    >>> changes_of(["lora.rank=8", "lora.targets=q_proj,v_proj"])
    {'lora.rank': '8', 'lora.targets': 'q_proj,v_proj'}
    """
    changes: dict[str, object] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            fix = "e.g. --set optimization.learning_rate=5e-5"
            raise UsageError("SET_INVALID", f"{pair!r} is not FIELD=VALUE", where="--set", fix=fix)
        changes[name.strip()] = value.strip()
    return changes
