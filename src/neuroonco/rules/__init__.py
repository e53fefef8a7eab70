"""Rule sets: every threshold and switch, with its unit, meaning and source, in one TOML file a set.

``paper`` reproduces the reference system exactly; ``default`` differs where the reference is at fault, and says so
in the rule's ``source``. A room declares a pydantic model of the section it needs and gets it filled:

>>> from pydantic import BaseModel
>>> class Sizes(BaseModel):
...     size_small_below: float
>>> load_rules("paper").section("measure", Sizes, ignore_others=True).size_small_below
0.01
"""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from neuroonco.errors import InputError, UsageError
from neuroonco.store import sha256_text

M = TypeVar("M", bound=BaseModel)
RULE_SETS = ("default", "paper")
RuleValue = bool | int | float | str | tuple[str, ...] | tuple[int, ...]


class Rule(BaseModel):
    """One entry of a rule file: a value and what justifies it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: RuleValue
    unit: str | None = None
    description: str
    source: str


class RuleSet(BaseModel):
    """A named set of rules, by section (one a stage) and name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    description: str
    sections: dict[str, dict[str, Rule]]

    def section(self, name: str, model: type[M], *, ignore_others: bool = False) -> M:
        """Fill a room's model from one section.

        Raises:
            InputError: a rule is missing, unknown or of the wrong type.
        """
        values: dict[str, Any] = {key: rule.value for key, rule in self.sections.get(name, {}).items()}
        if ignore_others:
            values = {key: value for key, value in values.items() if key in model.model_fields}
        if unknown := sorted(set(values) - set(model.model_fields)):
            raise InputError("RULE_UNKNOWN", f"unknown rules {unknown}", where=f"rules/{self.name}.toml [{name}]")
        try:
            return model.model_validate(values)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(map(str, first["loc"]))
            where = f"rules/{self.name}.toml [{name}]"
            raise InputError("RULE_INVALID", f"{field}: {first['msg']}", where=where) from None

    def with_value(self, section: str, name: str, value: RuleValue) -> Self:
        """The same rules with one value replaced; its room judges whether the value is one that it knows.

        Raises:
            UsageError: no such rule.

        >>> changed = load_rules("paper").with_value("curate", "label_conflict_policy", "majority")
        >>> changed.sections["curate"]["label_conflict_policy"].value
        'majority'
        """
        rule = self.sections.get(section, {}).get(name)
        if rule is None:
            raise UsageError("RULE_UNKNOWN", f"no rule {name!r} in [{section}] of rule set {self.name!r}")
        changed = self.sections[section] | {name: rule.model_copy(update={"value": value})}
        return self.model_copy(update={"sections": self.sections | {section: changed}})

    def digest(self, *sections: str) -> str:
        """Hash of some sections: a stage's outputs depend on its own rules only."""
        return sha256_text(
            *(
                f"{section}.{key}={rule.value!r}"
                for section in sections
                for key, rule in sorted(self.sections.get(section, {}).items())
            )
        )


@cache
def load_rules(name: str) -> RuleSet:
    """Load a shipped rule set by name.

    Raises:
        UsageError: no such rule set.
    """
    if name not in RULE_SETS:
        raise UsageError("RULES_UNKNOWN", f"no rule set {name!r}", fix=f"use one of {', '.join(RULE_SETS)}")
    tables = tomllib.loads(files("neuroonco.rules").joinpath(f"{name}.toml").read_text("utf-8"))
    head = tables.pop("rule_set")
    return RuleSet(name=name, version=head["version"], description=head["description"], sections=tables)
