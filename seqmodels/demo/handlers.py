"""What is between a person's click and a model: mistakes become one calm line of the page."""

import functools
import html
from collections.abc import Callable, Iterator
from typing import Any

from seqmodels.errors import SeqmodelsError

# A script of the page: the line of a mistake goes once a person goes on, and is never beside the result that follows.
CLOSE_MISTAKES = """() => {
  const close = () => document.querySelectorAll(".toast-close").forEach((button) => button.click());
  const goesOn = (event) => event.type === "keydown" ? event.key === "Enter" : event.target.closest("button");
  const after = (event) => goesOn(event) && !event.target.closest(".toast-wrap") && close();
  document.addEventListener("click", after);
  document.addEventListener("keydown", after);
}"""


def calmly(handler: Callable[..., Any]) -> Callable[..., Any]:
    """The handler of an event, but a mistake that a person can mend is one line; what was shown before stays.

    Example:
        >>> @calmly
        ... def half(number):
        ...     return number / 2
        >>> half(6)
        3.0
    """

    @functools.wraps(handler)
    def answer(*given: Any) -> Any:
        try:
            return handler(*given)
        except SeqmodelsError as error:
            return _warn(error)

    return answer


def calmly_streaming(handler: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """The same of a generator, which gives what is shown so far.

    Example:
        >>> list(calmly_streaming(lambda text: iter([text[:1], text[:2]]))("hello"))
        ['h', 'he']
    """

    def answers(*given: Any) -> Iterator[Any]:
        try:
            yield from handler(*given)
        except SeqmodelsError as error:
            yield _warn(error)

    # gradio looks whether it is a generator; a def isn't any more once the run-time checks of the tests wrap it.
    return lambda *given: (yield from answers(*given))  # type: ignore[return-value]


def _warn(error: SeqmodelsError) -> Any:
    import gradio as gr

    gr.Warning(html.escape(str(error)), title="")
    return gr.skip()
