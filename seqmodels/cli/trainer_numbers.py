"""Numbers of the Trainer that Lightning takes whatever they are."""

from collections.abc import Mapping
from typing import Any

from seqmodels.errors import OptionError

LEAST = {"accumulate_grad_batches": 1, "check_val_every_n_epoch": 1, "gradient_clip_val": 0, "log_every_n_steps": 0}


def check_numbers(trainer: Mapping[str, Any]) -> None:
    """Refuses what would end in a division by zero, or mean nothing.

    Raises:
        OptionError: If a number is too small.

    Example:
        >>> check_numbers({"gradient_clip_val": None, "accumulate_grad_batches": 0})
        Traceback (most recent call last):
        ...
        seqmodels.errors.OptionError: --trainer.accumulate_grad_batches is 0; use 1 or more
    """
    for name, least in LEAST.items():
        value = trainer.get(name)
        if value is not None and not value >= least:  # neither is NaN
            raise OptionError(f"--trainer.{name} is {value}; use {least} or more")
    if trainer.get("val_check_interval") == 0:
        raise OptionError("--trainer.val_check_interval is 0; use 1 or more steps, or a share of an epoch such as 0.25")
