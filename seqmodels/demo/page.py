"""The page: a tab for each kind of model."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any

from seqmodels.demo.handlers import CLOSE_MISTAKES
from seqmodels.errors import OptionError

if TYPE_CHECKING:
    import gradio as gr

    from seqmodels.tasks import Task


def build_page(models: Mapping[str, Task]) -> gr.Blocks:
    """The page over these models, which nobody sees before :func:`open_page`.

    Args:
        models: What to call each trained model -> the model.

    Raises:
        OptionError: If gradio isn't installed, there is no model, or one of a kind that has no tab.

    Example:
        >>> from seqmodels.data import build_tokenizer
        >>> from seqmodels.tasks import LanguageModel
        >>> model = LanguageModel(build_tokenizer("character", "hello"), cell="elman", hidden_size=3)
        >>> page = build_page({"three units": model})
        >>> page.title
        'seqmodels'
    """
    if not models:
        raise OptionError("there is no model to show; give a checkpoint")
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # else it tells its makers of each page
    try:
        import gradio as gr
    except ImportError as error:
        raise OptionError("demo needs gradio; pip install 'seqmodels[demo]'") from error
    _check_kinds(models)
    with gr.Blocks(title="seqmodels", analytics_enabled=False, fill_width=True) as page, gr.Tabs():
        for add_tab, kinds in _tabs().items():
            fitting = {name: model for name, model in models.items() if isinstance(model, kinds)}
            if fitting:
                add_tab(fitting)
    return page


def open_page(page: gr.Blocks, host: str = "127.0.0.1", port: int = 7860) -> str:
    """Serves the page from this process until ``page.close()``; the result is its address.

    Nothing is asked of other machines, by page or server, and no tunnel is opened.

    Args:
        page: Of :func:`build_page`.
        host: Who can see it: "127.0.0.1" this machine alone, "0.0.0.0" the network, too.
        port: Of this machine.

    Raises:
        OptionError: If there can be no server at this host and port, such as where there is one already.
    """
    import gradio as gr

    _check_address(host, port)
    theme = gr.themes.Base(
        primary_hue="blue", neutral_hue="zinc", text_size="lg",
        font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"],
    )  # fmt: skip
    theme.set(  # small print, too, is read from the last row
        body_text_color_subdued="*neutral_600", body_text_color_subdued_dark="*neutral_300",
        block_info_text_color="*neutral_600", block_info_text_color_dark="*neutral_300",
    )  # fmt: skip
    try:
        _, address, _ = page.queue().launch(
            server_name=host, server_port=port, prevent_thread_lock=True, quiet=True, share=False, inline=False,
            ssr_mode=False, pwa=False, mcp_server=False, run_history=False, enable_monitoring=False, footer_links=[],
            theme=theme, css=resources.files(__package__).joinpath("page.css").read_text("utf-8"),
            js=CLOSE_MISTAKES,
        )  # fmt: skip
    except OSError as error:
        raise OptionError(f"--port {port}: no page can be served there ({error}); use another port") from error
    return address


def _tabs() -> dict[Any, Any]:
    """What adds a tab -> the kinds of task that it is for, in the order of the page."""
    from seqmodels import tasks
    from seqmodels.demo import ask, caption, classify, tag, translate, units, write

    return {
        write.add_write_tab: tasks.LanguageModel,
        write.add_class_tab: tasks.ConditionalGenerator,
        caption.add_caption_tab: tasks.Captioner,
        ask.add_ask_tab: tasks.VisualQuestionAnswerer,
        translate.add_translate_tab: tasks.Translator,
        classify.add_classify_tab: (tasks.SequenceClassifier, tasks.TreeClassifier),
        tag.add_tag_tab: tasks.SequenceTagger,
        units.add_units_tab: tasks.LanguageModel,
    }


def _check_kinds(models: Mapping[str, Task]) -> None:
    """Raises OptionError if a model has no tab, or couldn't be asked anything in it."""
    from seqmodels import tasks

    readers = tasks.SequenceClassifier, tasks.SequenceTagger
    for name, model in models.items():
        kind = type(model).__name__
        if not any(isinstance(model, kinds) for kinds in _tabs().values()):
            raise OptionError(f"{name}: is a {kind}, which has no tab; give models of text or pictures")
        if isinstance(model, readers) and model.tokenizer is None:
            raise OptionError(f"{name}: is a {kind} of series; a page takes those of text; ask this one from Python")
        if isinstance(model, tasks.ConditionalGenerator) and not model.labels:
            raise OptionError(
                f"{name}: is a {kind} of vectors; a page takes those of classes; ask this one from Python"
            )


def _check_address(host: str, port: int) -> None:
    """Raises OptionError unless a server can be had there."""
    if not 1 <= port <= 65535:
        raise OptionError(f"--port is {port}; use 1 to 65535")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise OptionError(f"--port {port} is taken; use another, such as --port {port + 1}") from error
        if error.errno == errno.EACCES:
            raise OptionError(f"--port {port} is for administrators; use 1024 or more") from error
        reason = error.strerror or error
        raise OptionError(f"--host {host}: can't be served from ({reason}); use 127.0.0.1 or 0.0.0.0") from error
