"""``seqmodels cells``: what can be used by name, and what each computes."""

from collections.abc import Sequence

from seqmodels.cli.arguments import ArgumentParser
from seqmodels.errors import SeqmodelsError


def run(arguments: Sequence[str]) -> None:
    """Prints a table of all cells, those of the literature last, or the documentation of those that are named."""
    parser = ArgumentParser(
        "seqmodels cells", description="List the cells that can be used by name, or show equations and options of some."
    )
    parser.add_argument("cells", nargs="*", metavar="CELL", help="names or package.module:Class (default: list all)")
    parser.add_argument("--input-size", type=int, default=256, help="for the parameter count (default: %(default)s)")
    parser.add_argument("--hidden-size", type=int, default=256, help="for the parameter count (default: %(default)s)")
    options = parser.parse_args(arguments[1:])
    if options.cells:
        print("\n\n".join(_documentation(name) for name in options.cells))
    else:
        _list(options.input_size, options.hidden_size)


def _documentation(name: str) -> str:
    """What a cell's docstring says, without its example and without marks of reStructuredText."""
    import inspect
    import re

    from seqmodels import registry

    cell = registry.get_cell(name)
    text = inspect.cleandoc(cell.__doc__ or "").partition("\nExample:")[0].strip()  # getdoc has that of Cell, too
    text = re.sub(r":\w+:`([^`]*)`", r"\1", text).replace("::\n", ":\n").replace("``", "`")
    return f"{name} ({registry.path_of(cell)})\n\n{text or 'It has no docstring.'}"


def _list(input_size: int, hidden_size: int) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from seqmodels import registry

    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("cell", "parameters", "from", "source"):
        table.add_column(heading, justify="right" if heading == "parameters" else "left", overflow="fold")
    literature = registry.literature_names()
    others = [name for name in registry.cells() if name not in literature]
    for names in (others, literature):
        for name in names:
            columns = (name, *_describe(name, input_size, hidden_size))
            table.add_row(*map(Text, columns))  # brackets are no markup
        table.add_section()
    console = Console()
    with console.capture() as shown:
        console.print(table, highlight=False)
    print(shown.get(), end="")  # a closed pipe is main's to handle; rich would end with an exit code of its own
    print(f"Parameters of one layer with input size {input_size} and hidden size {hidden_size}.")
    for name, path in registry.hidden_entry_points():
        print(f"{path} asks for the name {name!r} of a built-in cell; use it as {path}")


def _describe(name: str, input_size: int, hidden_size: int) -> tuple[str, str, str]:
    """Parameters, distribution and citation of a cell; for one that can't be used, why."""
    from seqmodels import registry
    from seqmodels.strangers import without_numbers

    try:
        cell = registry.get_cell(name)
        made = without_numbers(lambda: cell(input_size, hidden_size))
    except SeqmodelsError as error:
        return "-", "-", str(error)
    except Exception as error:  # whatever a stranger's constructor raises
        return "-", "-", f"can't be made: {type(error).__name__}: {' '.join(str(error).split())}"
    count = sum(parameter.numel() for parameter in made.parameters())
    distribution = registry.distribution_of(cell)
    origin = " ".join(distribution) if distribution else cell.__module__
    return f"{count:,}", origin, cell.citation or (cell.__doc__ or "").strip().partition("\n")[0]
