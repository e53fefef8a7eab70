"""What a validation compares with, and how it resamples."""

from pydantic import BaseModel, ConfigDict

from neuroonco.score.validation_records import Aim


class ValidateRules(BaseModel):
    """Section ``[validate]`` of a rule set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fit_seed: int
    resamples: int
    masks_precision_from: float
    masks_omission_to: float
    no_masks_precision_from: float
    no_masks_omission_to: float
    error_correlation_to: float
    published_precision: float
    published_omission: float
    model_precision_from: float
    model_omission_to: float


def aims_of(rules: ValidateRules) -> tuple[Aim, ...]:
    """The aims and what others say, in the order in which they are shown."""
    return (
        Aim(name="Aim with masks", precision=rules.masks_precision_from, omission=rules.masks_omission_to),
        Aim(name="Aim without masks", precision=rules.no_masks_precision_from, omission=rules.no_masks_omission_to),
        Aim(name="Aim, errors of the two readings", error_correlation=rules.error_correlation_to),
        Aim(name="Published model pipeline", precision=rules.published_precision, omission=rules.published_omission),
        Aim(name="Long-term aim for a model", precision=rules.model_precision_from, omission=rules.model_omission_to),
    )


def limits_for(rules: ValidateRules, *, masks_given: bool) -> tuple[float, float]:
    """Precision to reach and omission to stay within, under one condition."""
    if masks_given:
        return rules.masks_precision_from, rules.masks_omission_to
    return rules.no_masks_precision_from, rules.no_masks_omission_to
