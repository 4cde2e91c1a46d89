"""Weights & Biases that never holds up a run."""

import netrc
import os
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities.rank_zero import rank_zero_info

_SECONDS_TO_PROBE = 3
_SECONDS_TO_START = 5


class ReliableWandbLogger(WandbLogger):
    """Lightning's ``WandbLogger``, except that training starts within 10 s whatever the network does.

    Without an API key, or if W&B can't be reached, all of the run is recorded in offline files, and one line says how
    to upload them later. It never asks anything at the terminal. Arguments are those of ``WandbLogger``; the variables
    of W&B (``WANDB_MODE``, ``WANDB_API_KEY``, ``WANDB_BASE_URL``, ``WANDB_INIT_TIMEOUT``) keep their meaning.

    >>> logger = ReliableWandbLogger(project="language-model", save_dir="logs", offline=True)
    """

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The run of W&B; started when first asked for."""
        if self._offline:  # Lightning only sets WANDB_MODE, which W&B reads once in a process
            self._wandb_init["mode"] = "offline"
        if self._experiment is not None or not self._wants_online():
            return super().experiment
        reason = why_not_online()
        if reason is None:
            try:
                self._wandb_init["settings"] = start_settings(self._wandb_init.get("settings"))
                return super().experiment
            except Exception as error:  # of W&B's own, of its service, of the network
                reason = in_short(error)
        self._wandb_init["mode"] = "offline"
        run = super().experiment
        rank_zero_info(f"W&B: {reason}, so this run is recorded offline; later: wandb sync {run.settings.sync_dir}")
        return run

    def _wants_online(self) -> bool:
        import wandb

        mode = self._wandb_init.get("mode") or os.environ.get("WANDB_MODE") or "online"
        joins_a_run = wandb.run is not None or getattr(self, "_attach_id", None) is not None
        return mode == "online" and not self._offline and not joins_a_run


def start_settings(settings: Any = None) -> Any:
    """Settings of a run that starts within seconds: W&B waits for 90 s by itself. A time that the user set stays.

    Args:
        settings: ``wandb.Settings``, a dict of them, or None.
    """
    import wandb

    settings = settings or {}
    settings = wandb.Settings(**settings) if isinstance(settings, dict) else settings
    if "init_timeout" not in settings.model_fields_set and "WANDB_INIT_TIMEOUT" not in os.environ:
        settings.init_timeout = _SECONDS_TO_START
    return settings


def in_short(error: Exception) -> str:
    """An error in one short line."""
    return (" ".join(str(error).split()) or type(error).__name__)[:100]


def why_not_online() -> str | None:
    """The reason why a run can't go online, as far as can be told within a few seconds; None if it may."""
    import wandb

    settings = wandb.setup().settings
    if not _has_api_key(settings):
        return "no API key is set (wandb login)"
    answers: list[str | None] = []
    # In a thread, as looking up a name can take longer than any timeout given.
    probe = threading.Thread(target=lambda: answers.append(_probe(settings.base_url)), daemon=True)
    probe.start()
    probe.join(_SECONDS_TO_PROBE)
    return answers[0] if answers else f"{settings.base_url} doesn't answer"


def _has_api_key(settings: Any) -> bool:
    if settings.api_key or os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    for file in (os.environ.get("NETRC"), Path.home() / ".netrc", Path.home() / "_netrc"):
        try:
            if file and netrc.netrc(file).authenticators(urlsplit(settings.base_url).hostname or ""):
                return True
        except (OSError, netrc.NetrcParseError):
            continue
    return False


def _probe(url: str) -> str | None:
    """Ask where W&B itself is going to ask: a front door may answer while what is behind it doesn't."""
    request = urllib.request.Request(
        f"{url.rstrip('/')}/graphql", b'{"query": "{ __typename }"}', {"Content-Type": "application/json"}
    )
    try:
        urllib.request.urlopen(request, timeout=_SECONDS_TO_PROBE).close()
    except urllib.error.HTTPError as error:
        # Refusing a question without a key is an answer too.
        return None if error.code in (400, 401, 403) else f"{url} answers with an error (HTTP {error.code})"
    except (OSError, ValueError) as error:
        return f"{url} can't be reached ({getattr(error, 'reason', error)})"
    return None
