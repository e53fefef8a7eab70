"""The rules of checking, as ``rules/*.toml`` gives them."""

from pydantic import BaseModel, ConfigDict, Field


class CheckRules(BaseModel):
    """Section ``check`` of a rule set; each entry is explained there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_gain: float = Field(ge=0)
    max_gain_of_type: float = Field(ge=0)
    min_questions: int = Field(ge=1)
    max_questions: int = Field(ge=1)
    resamples: int = Field(ge=1)
    rejection_share: float = Field(ge=0, lt=1)
    min_occurrences: int = Field(ge=1)
