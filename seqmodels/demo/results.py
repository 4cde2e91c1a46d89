"""What stands around a result: before there is one, and above it."""

import html


def hint(text: str) -> str:
    """What will be seen here, said where nothing is yet.

    Example:
        >>> hint("The answers will be here.")
        '<p class="hint">The answers will be here.</p>'
    """
    return f'<p class="hint">{html.escape(text)}</p>'


def titled(title: str, note: str, result: str) -> str:
    """A result as HTML below what it was made of, which the fields of the page may not say any more.

    Args:
        title: Such as the question; empty: none.
        note: What is seen, and of which model; in small print.
        result: As HTML.

    Example:
        >>> titled("how many?", "gru: its answer", "<b>2</b>")
        '<section><h3>how many?</h3><small>gru: its answer</small><b>2</b></section>'
    """
    heading = f"<h3>{html.escape(title)}</h3>" if title else ""
    return f"<section>{heading}<small>{html.escape(note)}</small>{result}</section>"
