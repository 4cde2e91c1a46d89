"""What random search chooses from, and its choices."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from seqmodels.compare.quiet import quiet_optuna
from seqmodels.compare.results import Settings
from seqmodels.errors import OptionError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

# Adam's steps don't grow with the gradient, SGD's do; hence a range for each. SGD's, and all others, are after
# Jozefowicz et al. 2015.
SEARCHED_RATES = {"adam": "0.0005:0.02", "rmsprop": "0.0002:0.01", "sgd": "0.1,0.2,0.3,0.5,1,2,5"}
SEARCHED = {
    "initial_scale": "0.3,0.7,1,1.4,2,2.8",
    "gradient_clip": "1,2.5,5,10,20",
    "num_layers": "1,2,3,4",
    "dropout": "0",
}
FIXED_RATES = {"adam": "0.004", "rmsprop": "0.002", "sgd": "1"}
FIXED = {"initial_scale": "1", "gradient_clip": "1", "num_layers": "1", "dropout": "0"}


@dataclass(frozen=True)
class Space:
    """For each setting what a trial may have: ``"0.1,0.2,0.5"``, one of these; ``"0.001:0.1"``, a number between.

    A number between is uniform in its logarithm, or uniform if the lower bound is 0.

    Args:
        learning_rate: See :class:`Settings`, as for all others.
        initial_scale: Of the cells' matrices.
        gradient_clip: Of the norm.
        num_layers: Whole numbers.
        dropout: In [0, 1).

    Raises:
        OptionError: If a value can't be read, or is out of its range.

    Example:
        >>> Space(learning_rate="0.001:0.1", num_layers="1,2").sample(1, seed=0)[0].gradient_clip in (1, 2.5, 5, 10, 20)
        True
    """

    learning_rate: str = SEARCHED_RATES["adam"]
    initial_scale: str = SEARCHED["initial_scale"]
    gradient_clip: str = SEARCHED["gradient_clip"]
    num_layers: str = SEARCHED["num_layers"]
    dropout: str = SEARCHED["dropout"]

    def __post_init__(self) -> None:
        for name in self.names():
            for value in self.bounds(name):
                smallest = {"dropout": 0.0, "num_layers": 1.0}.get(name, 1e-12)
                largest = 0.999 if name == "dropout" else math.inf
                in_range = math.isfinite(value) and smallest <= value <= largest
                if not in_range or (name == "num_layers" and value != int(value)):
                    raise OptionError(f"{name} can't be {value:g}; see seqmodels compare --help")

    @classmethod
    def of(cls, optimizer: str, search: bool, **given: str | None) -> Space:
        """Ranges after Jozefowicz et al. 2015, or without a search one value each; but for what is given."""
        rates, others = (SEARCHED_RATES, SEARCHED) if search else (FIXED_RATES, FIXED)
        chosen = {name: text for name, text in given.items() if text is not None}
        space = cls(**{"learning_rate": rates[optimizer], **others, **chosen})
        many = [name for name in cls.names() if len(space.bounds(name)) > 1]
        if many and not search:
            raise OptionError(
                f"{many[0]}: to choose from {getattr(space, many[0])} takes a search; give trials, or one"
            )
        return space

    @staticmethod
    def names() -> list[str]:
        """Of the settings."""
        return [field.name for field in fields(Space)]

    def bounds(self, name: str) -> list[float]:
        """The choices, or both ends of the range."""
        text = getattr(self, name)
        try:
            values = [float(part) for part in text.replace(":", ",").split(",")]
        except ValueError:
            values = []
        if not values or (":" in text and (len(values) != 2 or values[0] >= values[1])):
            raise OptionError(f"{name}: {text!r} is no list such as 0.1,0.2 and no range such as 0.001:0.1")
        return values

    def layers(self) -> list[int]:
        """The numbers of layers a trial may have."""
        values = [int(value) for value in self.bounds("num_layers")]
        return list(range(values[0], values[1] + 1)) if ":" in self.num_layers else values

    def sample(self, number: int, seed: int) -> list[Settings]:
        """So many random settings; the first ones are the same, however many."""
        import optuna

        with quiet_optuna():
            study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed))
            asked = [study.ask(self.distributions()).params for _ in range(number)]
        return [Settings(**{**params, "num_layers": int(params["num_layers"])}) for params in asked]

    def distributions(self) -> dict[str, BaseDistribution]:
        """The space as Optuna describes it."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution

        found: dict[str, Any] = {}
        for name in self.names():
            values = self.bounds(name)
            if name == "num_layers":
                found[name] = CategoricalDistribution(self.layers())
            elif ":" in getattr(self, name):
                found[name] = FloatDistribution(values[0], values[1], log=values[0] > 0)
            else:
                found[name] = CategoricalDistribution(values)
        return found
