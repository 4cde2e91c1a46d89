"""What checks annotations while tests run (see pyproject.toml)."""

from functools import partial

from beartype import BeartypeConf, beartype

check = partial(beartype, conf=BeartypeConf(is_pep484_tower=True))  # an int is a float, as PEP 484 says
