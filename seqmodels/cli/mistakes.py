"""One line out of what jsonargparse and Lightning say of a wrong option."""

import inspect
import re
import traceback
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

from lightning.pytorch.utilities.exceptions import MisconfigurationException

from seqmodels.errors import OptionError, SeqmodelsError

UNKNOWN_OPTION = re.compile(r"class_path '(?P<path>[\w.]+)'.*?Option '(?P<option>\w+)' is not accepted", re.DOTALL)
UNKNOWN_KEY = re.compile(
    r"Option '(?P<option>[^']+)' is not accepted|[Uu]nrecognized arguments: (?P<argument>\S+)|"
    r"does not accept option '(?P<key>[^']+)'"
)

OF_A_CLASS = re.compile(r"Union subtypes.*?Errors:\s*- (?P<inner>.*?)\s*- Expected a <class 'None", re.DOTALL)
PROBLEM = re.compile(r"^Problem with given class_path '[\w.]+':\s*(?:- )?")
KEY = re.compile(r'Parser key "([\w.]+)"')
EXPECTED = re.compile(r"Expected a (?:<class '(\w+)'>|typing\.Literal\[(.*?)\])")
NO_METRIC = re.compile(
    r"Early stopping conditioned on metric `(?P<stopping>.*?)` which is not available.*following: `(?P<logged>.*)`|"
    r"ModelCheckpoint\(monitor='(?P<saving>.*?)'\)` could not find .* metrics: \[(?P<known>.*?)\]"
)
TOO_FEW_EPOCHS = re.compile(r"checkpoint with current_epoch=(\d+), but you have set Trainer\(max_epochs=(\d+)\)")


def explain(error: BaseException, command: str) -> SeqmodelsError:
    """The user's mistake behind an error raised while options are read and objects made of them.

    jsonargparse wraps what a constructor raises, so a mistake of ours may be hidden in the chain of causes.
    """
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, SeqmodelsError):
            return link
        link = link.__cause__ or link.__context__
    return OptionError(f"{_shorten(str(error))} (see seqmodels {command} --help)")


def raised_by_lightning(error: BaseException) -> bool:
    """Whether Lightning itself refused something, such as options of the Trainer that exclude each other."""
    if isinstance(error, RuntimeError):  # all others are bugs
        return NO_METRIC.search(str(error)) is not None
    frames = traceback.extract_tb(error.__traceback__)
    return isinstance(error, MisconfigurationException) or "lightning" in Path(frames[-1].filename).parts


def _shorten(message: str) -> str:
    if match := UNKNOWN_OPTION.search(message):
        module, _, name = match["path"].rpartition(".")
        known = list(inspect.signature(getattr(import_module(module), name)).parameters)
        similar = get_close_matches(match["option"], known, n=1)
        hint = f"did you mean {similar[0]!r}?" if similar else f"it has: {', '.join(known)}"
        return f"{name} has no option {match['option']!r}; {hint}"
    if match := UNKNOWN_KEY.search(message):
        return f"no option {match['option'] or match['argument'] or match['key']!r}"
    if match := NO_METRIC.search(message):
        stopping = match["stopping"] is not None
        callback = "EarlyStopping" if stopping else "ModelCheckpoint"
        wrong, listed = (match["stopping"], match["logged"]) if stopping else (match["saving"], match["known"])
        logged = re.split(r"\W+", listed.strip("`'"))
        similar = get_close_matches(wrong, logged, n=1)
        hint = f"did you mean {similar[0]!r}? " if similar else ""
        said = f"--trainer.callbacks: {callback} has monitor {wrong!r}, which is not logged"
        return f"{said}; {hint}use {', '.join(logged)}"
    if match := TOO_FEW_EPOCHS.search(message):  # the first epoch is 0
        number, most = map(int, match.groups())
        option = "--trainer.max_epochs"
        return (
            f"the checkpoint is of epoch {number + 1}, and {option} is {most}; give more, such as {option} {number + 2}"
        )
    keys = KEY.findall(message)
    expected = [name or choices for name, choices in EXPECTED.findall(message) if name != "NoneType"]
    if keys and expected:
        return f"--{'.'.join(dict.fromkeys(keys))} must be {' or '.join(dict.fromkeys(expected))}"
    if match := OF_A_CLASS.search(message):  # what else the option might have been is of no interest
        inner = KEY.sub("", PROBLEM.sub("", match["inner"])).lstrip(": ")
        message = f"--{'.'.join(keys)}: {inner}" if keys else inner
    return " ".join(message.split())
