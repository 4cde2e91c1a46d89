"""A web page over trained models, made to be shown to a class."""

from typing import TYPE_CHECKING

from seqmodels.lazy import lazy

if TYPE_CHECKING:
    from seqmodels.demo.models import load_models
    from seqmodels.demo.page import build_page, open_page

_MODULES = {"build_page": "page", "load_models": "models", "open_page": "page"}
__getattr__, __dir__ = lazy(__name__, _MODULES)
__all__ = ["build_page", "load_models", "open_page"]
