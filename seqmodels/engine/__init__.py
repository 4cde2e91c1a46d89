"""One step in, a whole sequence out. :func:`run` is the only door."""

from typing import Literal, get_args

from seqmodels.engine import reference, vendor
from seqmodels.engine.layer_pass import LayerPass, LayerResult, within_lengths
from seqmodels.engine.products import Product, find_products
from seqmodels.errors import OptionError

Backend = Literal["auto", "reference", "vendor"]
BACKENDS: tuple[str, ...] = get_args(Backend)

__all__ = [
    "BACKENDS",
    "Backend",
    "LayerPass",
    "LayerResult",
    "Product",
    "check_backend",
    "find_products",
    "run",
    "within_lengths",
]


def check_backend(backend: str) -> None:
    """Raises OptionError unless it is the name of a backend."""
    if backend not in BACKENDS:
        raise OptionError(f"backend must be one of {', '.join(BACKENDS)}, not {backend!r}")


def run(layer: LayerPass, backend: str = "auto") -> LayerResult:
    """Runs one layer in one direction over a sequence.

    Args:
        layer: What to compute.
        backend: "reference": the plain loop; "vendor": torch's kernel, if the cell equals one of torch's modules;
            "auto": the vendor's where it can, else the plain loop.

    Raises:
        OptionError: If the vendor's kernel is asked for and can't compute this; says why.
    """
    check_backend(backend)
    layer = layer.without_padding()
    if backend == "reference":
        return reference.run(layer)
    reason = vendor.refusal(layer)
    if reason is None:
        return vendor.run(layer)
    if backend == "vendor":
        raise OptionError(f"backend='vendor' can't run this: {reason}; use backend='auto'")
    return reference.run(layer)
