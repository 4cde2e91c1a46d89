"""A graph as a Python file that a person can read, import and keep: a Cell like those of ``plugins/``."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from seqmodels.compare.search.graph import ACTIVATIONS, CellGraph
from seqmodels.compare.search.naming import ACTIVATION_TEXTS, SIGNS, Names

LONGEST = 84  # characters of an expression
WIDTH = 120  # of a line
SUM, PRODUCT, ATOM = 1, 2, 3  # how tightly an expression holds together


@dataclass(frozen=True)
class Provenance:
    """Where a cell comes from.

    Attributes:
        number: Of the candidate in its search; 0 outside any.
        generation: Of the search.
        seed: Of the search.
        parent: Number of the candidate that was changed; None for a cell that the search started with.
        mutations: What was changed.
        score: The least of its scores on the problems, each divided by the baseline's; None if not known yet.
        origin: Name of the cell that the search started with.
    """

    number: int = 0
    generation: int = 0
    seed: int = 0
    parent: int | None = None
    mutations: tuple[str, ...] = ()
    score: float | None = None
    origin: str = ""


def linear_names(graph: CellGraph) -> dict[int, str]:
    """The attribute of the printed cell that each linear map becomes, by the number of its node."""
    return _Printer(graph).names.linears


def source(graph: CellGraph, class_name: str, provenance: Provenance | None = None) -> str:
    """The file of a graph.

    It defines one :class:`seqmodels.Cell` that computes what :meth:`CellGraph.evaluate` computes, laid out as ``ruff
    format`` does.

    Args:
        graph: A valid graph.
        class_name: What the class is called.
        provenance: Where the graph comes from, which the docstring tells.

    Example:
        >>> from seqmodels.compare.search.seeds import gru
        >>> text = source(gru(), "Gated")
        >>> print(text[text.index("    def step") :])
            def step(self, x: Tensor, h: Tensor) -> Tensor:
                z = torch.sigmoid(self.W_xz(x) + self.W_hz(h))
                r = torch.sigmoid(self.W_xr(x) + self.W_hr(h))
                return (1 - z) * h + z * torch.tanh(self.W_xh(x) + self.W_hh(r * h))
        <BLANKLINE>
    """
    provenance = provenance or Provenance()
    printer = _Printer(graph)
    body = "\n".join(["    def __init__(self, input_size: int, hidden_size: int) -> None:", *_constructor(printer)])
    body += "\n\n" + "\n".join(_step(printer))
    reset = list(_reset(printer))
    if reset:
        body += "\n\n" + "\n".join(reset)
    number = f", number {provenance.number}" if provenance.number else ""
    states = graph.states
    fields = [f"    state_names = ({', '.join(repr(s) for s in states)})".replace("'", '"')] if len(states) > 1 else []
    fields.append(f'    citation = "Found by seqmodels.compare.search{number}"')
    return "\n".join(
        [
            f'"""A recurrent cell found by evolution{number}."""',
            "",
            *(["import torch"] if "torch." in body else []),
            "from torch import Tensor, nn",
            "",
            "from seqmodels.cell import Cell",
            "",
            "",
            f"class {class_name}(Cell):",
            *_docstring(printer, class_name, provenance),
            "",
            *fields,
            "",
            body,
            "",
        ]
    )


def _docstring(printer: _Printer, class_name: str, provenance: Provenance) -> Iterator[str]:
    yield f'    """{class_name}::'
    yield ""
    for equation in printer.equations():
        yield f"        {equation}"
    yield ""
    if any(node.diagonal or node.bias_start for node in printer.graph.nodes):
        yield from _wrapped("Some weights start elsewhere than around zero: see reset_parameters.")
        yield ""
    yield "    Args:"
    yield "        input_size: Number of features of x."
    yield f"        hidden_size: Number of features of {' and of '.join(printer.graph.states)}."
    yield ""
    yield from _wrapped(_story(provenance))
    yield '    """'


def _story(provenance: Provenance) -> str:
    score = "" if provenance.score is None else f" Its score is {provenance.score:.4f}, where the baseline's is 1."
    method = "Source: evolutionary search after Jozefowicz, Zaremba and Sutskever 2015, ICML, section 3"
    if not provenance.number:
        return f"{method}."
    seed = f"seed {provenance.seed}: number {provenance.number}"
    if provenance.parent is None:
        return f"{method}, {seed}, {provenance.origin} as a start.{score}"
    made = f"of generation {provenance.generation}, made from number {provenance.parent}"
    return f"{method}, {seed}, {made}: {'; '.join(provenance.mutations)}.{score}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)


def _constructor(printer: _Printer) -> Iterator[str]:
    yield "        super().__init__(input_size, hidden_size)"
    for number, name in printer.names.linears.items():
        node = printer.graph.nodes[number]
        size = "input_size" if node.args[0] == 0 else "hidden_size"
        yield f"        self.{name} = nn.Linear({size}, hidden_size{'' if node.bias else ', bias=False'})"
    yield "        self.reset_parameters()"


def _step(printer: _Printer) -> Iterator[str]:
    states = printer.graph.states
    arguments = ", ".join(f"{state}: Tensor" for state in ("x", *states))
    result = "Tensor" if len(states) == 1 else f"tuple[{', '.join(['Tensor'] * len(states))}]"
    yield f"    def step(self, {arguments}) -> {result}:"
    for number, name in printer.names.lines.items():
        yield f"        {name} = {printer.code(number)}"
    yield f"        return {', '.join(printer.operand(output, SUM) for output in printer.graph.outputs)}"


def _reset(printer: _Printer) -> Iterator[str]:
    lines, words = [], []
    for number, name in printer.names.linears.items():
        node = printer.graph.nodes[number]
        if node.bias and node.bias_start:
            lines.append(f"        self.{name}.bias += {float(node.bias_start)!r}")
            words.append(f"{node.bias_start:g} to the bias of {name}")
        if node.diagonal:
            lines.append(f"        self.{name}.weight.diagonal().add_({float(node.diagonal)!r})")
            words.append(f"{node.diagonal:g} to the diagonal of {name}")
    if lines:
        yield "    @torch.no_grad()"
        yield "    def reset_parameters(self, bound: float | None = None) -> None:"
        text = f'"""Draw all from U(-bound, bound), then add {", ".join(words)}."""'
        yield from textwrap.wrap(text, WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 8, break_on_hyphens=False)
        yield "        super().reset_parameters(bound)"
        yield from lines


class _Printer:
    """Expressions of a graph, as code or as the docstring's equations, none of them longer than fits in a line."""

    def __init__(self, graph: CellGraph) -> None:
        self.graph, self.is_code = graph, True
        more: frozenset[int] = frozenset()
        while True:
            self.names = Names(graph, more)
            split = next(self._splits(), None)
            if split is None:
                return
            more |= {split}

    def code(self, number: int) -> str:
        """What a node computes, spelled out."""
        return self._expression(number)[0]

    def operand(self, number: int, tightness: int) -> str:
        """A node as part of an expression: its name, or what it computes, in brackets where needed."""
        name = self.names.name(number)
        if name is not None:
            return name if self.is_code or not name.startswith("new_") else f"{name.removeprefix('new_')}'"
        text, own = self._expression(number)
        return text if own >= tightness else f"({text})"

    def equations(self) -> list[str]:
        """A line for each value that has a name, and for each state."""
        self.is_code = False
        lines = {number: f"{self.operand(number, SUM)} = {self.code(number)}" for number in self.names.lines}
        found = list(lines.values())
        for state, output in zip(self.graph.states, self.graph.outputs, strict=True):
            if lines.get(output, "").split(" = ")[0] != f"{state}'":
                found.append(f"{state}' = {self.operand(output, SUM)}")
        self.is_code = True
        return found

    def _expression(self, number: int) -> tuple[str, int]:
        node = self.graph.nodes[number]
        if node.op == "linear":
            return self._linear(number)
        if node.op in ACTIVATION_TEXTS:
            tightness = PRODUCT if node.op == "one_minus" else SUM
            return ACTIVATION_TEXTS[node.op].format(self.operand(node.args[0], tightness)), SUM
        if node.op in ACTIVATIONS:
            return f"{'torch.' if self.is_code else ''}{node.op}({self.operand(node.args[0], SUM)})", ATOM
        own = PRODUCT if node.op == "product" else SUM
        first = self.operand(node.args[0], own)
        second = self.operand(node.args[1], PRODUCT if node.op == "difference" else own)
        return f"{first} {SIGNS[node.op]} {second}", own

    def _linear(self, number: int) -> tuple[str, int]:
        node, name = self.graph.nodes[number], self.names.linears[number]
        if self.is_code:
            return f"self.{name}({self.operand(node.args[0], SUM)})", ATOM
        product = f"{name} {self.operand(node.args[0], ATOM)}"
        return (f"{product} + b_{name.removeprefix('W_')}", SUM) if node.bias else (product, PRODUCT)

    def _splits(self) -> Iterator[int]:
        """Of an expression that is too long, the part to name: the longest that is not most of it."""
        whole = {*self.names.lines, *self.graph.outputs}
        for number in sorted(whole):
            for self.is_code in (False, True):
                length = len(self.code(number))
                room = LONGEST if len(self.graph.outputs) == 1 or number in self.names.lines else LONGEST // 2
                if length > room:
                    parts = {part: len(self.code(part)) for part in self._parts(number)}
                    fitting = {part: size for part, size in parts.items() if size <= max(room, length * 2 // 3)}
                    yield max(fitting or parts, key=lambda part: (parts[part], part))

    def _parts(self, number: int) -> Iterator[int]:
        """What is spelled out within a node's expression."""
        for arg in self.graph.nodes[number].args:
            if self.names.name(arg) is None:
                yield arg
                yield from self._parts(arg)
