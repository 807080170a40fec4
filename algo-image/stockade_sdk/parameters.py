"""Parameters of a strategy: a pydantic model, checked before the first callback."""

from pydantic import BaseModel, ConfigDict


class Parameters(BaseModel):
    """Base of a strategy's parameters; name yours in the class: `parameters: MyParameters`.

    Frozen, and a name that the model does not have is an error: a mistyped parameter must not trade with the default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
