"""In what order programs that share rows do a step: when each gives others what they need, and when it waits.

What a product needs whole, and the parts of a sum over a row, all programs of these rows write to memory; then each
says that it has arrived, does what needs nothing of the others, and waits. What depends on the state alone, such as
tanh(h), is written with the state, so that nobody waits for it apart.
"""

from dataclasses import dataclass

from seqmodels.engine.cuda.layout import Layout, Product, Slot
from seqmodels.engine.cuda.walk import results
from seqmodels.engine.graph import REDUCTIONS, Node, reachable
from seqmodels.engine.schedule import Place, Store

UNCHANGED = ("vector", "batch")  # leaves that are the same at every step
ASIDE = "aside"  # the buffer of operands that are not read where they lie


@dataclass(frozen=True)
class Arrive:
    """Says that what was given is written."""


@dataclass(frozen=True)
class Wait:
    """Waits until all programs have arrived so often, this step's arrivals counted from 0: at its beginning, 0."""

    arrivals: int


@dataclass(frozen=True)
class Multiply:
    """Multiplies an operand by its matrices."""

    product: Product


@dataclass(frozen=True)
class Give:
    """Writes an operand, which may be a result of the step too."""

    place: Place
    node: Node
    result: Store | None


@dataclass(frozen=True)
class GivePart:
    """Writes what a reduction over this program's columns gives."""

    reduction: Node


@dataclass(frozen=True)
class Reduce:
    """Reads and reduces the parts of all programs."""

    reduction: Node


@dataclass(frozen=True)
class Finish:
    """Computes a result of the step."""

    store: Store


@dataclass(frozen=True)
class GiveEarly:
    """Writes what depends on the new state alone, for the next step."""


Action = Arrive | Wait | Multiply | Give | GivePart | Reduce | Finish | GiveEarly


@dataclass
class Step:
    """What a program does at a step, and what it gives to others."""

    actions: list[Action]
    early: dict[Node, list[Slot]]  # operands that are written with the state, and where
    aside: dict[Place, list[Slot]]  # where operands are written beside their places
    instead: dict[str, Slot]  # of a product, by its buffer: where its operand is read, if not in its place
    reductions: list[Node]
    width: int  # of the buffer "aside"

    @property
    def arrivals(self) -> int:
        """How often programs wait for each other."""
        return sum(isinstance(action, Arrive) for action in self.actions)


def plan(layout: Layout) -> Step:
    """The order of a step."""
    return _Planner(layout).step()


def within(layout: Layout) -> list[Product]:
    """The products that a step computes itself."""
    return [product for product in layout.products if product.level >= 0]


class _Planner:
    def __init__(self, layout: Layout) -> None:
        self.layout, self.is_there = layout, layout.is_there
        self.products = within(self.layout)
        self.operands = {product.buffer: _operands(self.layout, product) for product in self.products}
        self.pending = {store.place: store for store in results(self.layout)}
        self.reductions = self._reductions()
        self.plan = Step([], {}, {}, {}, self.reductions, 0)
        self.given: set[Place] = set()  # operands that this step has written
        self.multiplied: set[str] = set()  # products, by their buffers
        self.parted: set[Node] = set()  # reductions of which all programs have written their parts
        self.reduced: set[Node] = set()

    def step(self) -> Step:
        exchanged = self._exchanged()
        self._set_aside()
        is_waited_for = bool(exchanged or self.plan.early)  # the state, or what depends on it alone
        if is_waited_for:
            self._do(Wait(0))
        arrivals = 0
        while (operands := self._next_operands()) or self._next_reductions():
            arrivals += 1
            self._exchange(operands, self._next_reductions(), exchanged, arrivals)
        self._compute(self.products, self.reductions)
        needed = exchanged | {self._buffer_of(leaf) for node in self.plan.early for leaf in _states(node)}
        self._finish([place for place in self.pending if self.layout.slot(place).buffer in needed])
        if is_waited_for:
            self._do(GiveEarly(), Arrive())
        self._finish(list(self.pending))
        return self.plan

    def _do(self, *actions: Action) -> None:
        self.plan.actions += actions

    def _exchange(
        self, operands: list[tuple[Place, Node]], reductions: list[Node], exchanged: set[str], arrivals: int
    ) -> None:
        """Gives values to all programs, does what need not wait for them, and waits."""
        for place, node in operands:
            self._compute(*self._behind(node))
            self._do(Give(place, node, self.pending.pop(place, None)))
            self.given.add(place)
        for node in reductions:
            self._compute(*self._behind(node.args[0]))
            self._do(GivePart(node))
        self._do(Arrive())
        others = [p for p in self.products if not any(each in operands for each in self.operands[p.buffer])]
        self._compute([product for product in others if self._is_ready(product)], [])
        self._finish([place for place, store in self.pending.items() if self._is_spare(store, exchanged)])
        self._do(Wait(arrivals))
        self.parted.update(reductions)

    def _compute(self, products: list[Product], reductions: list[Node]) -> None:
        for product in products:
            if product.buffer not in self.multiplied:
                self.multiplied.add(product.buffer)
                self._do(Multiply(product))
        for node in reductions:
            if node not in self.reduced:
                self.reduced.add(node)
                self._do(Reduce(node))

    def _finish(self, places: list[Place]) -> None:
        for place in places:
            self._do(Finish(self.pending.pop(place)))

    # --- what can be done -------------------------------------------------------------------------------------------

    def _next_operands(self) -> list[tuple[Place, Node]]:
        """Operands that others can be given now: those not yet written that come of what is there."""
        waiting = dict(pair for product in self.products for pair in self.operands[product.buffer])
        return [pair for pair in waiting.items() if not self._is_given(*pair) and self._can_be_known(pair[1])]

    def _next_reductions(self) -> list[Node]:
        """Reductions of which a program can give its part now."""
        return [node for node in self.reductions if node not in self.parted and self._can_be_known(node.args[0])]

    def _can_be_known(self, node: Node) -> bool:
        """Whether a value comes of products and reductions that can be computed now."""
        products, reductions = self._behind(node)
        return all(map(self._is_ready, products)) and self.parted.issuperset(reductions)

    def _is_given(self, place: Place, node: Node) -> bool:
        """Whether all programs have, or have been promised, an operand."""
        is_there = self.is_there(node) and place not in self.plan.aside
        return place in self.given or node in self.plan.early or is_there

    def _is_ready(self, product: Product) -> bool:
        return all(self._is_given(*operand) for operand in self.operands[product.buffer])

    def _is_spare(self, store: Store, exchanged: set[str]) -> bool:
        """Whether a result is known and no other program needs it."""
        products, reductions = self._behind(store.node)
        is_known = self.multiplied.issuperset(p.buffer for p in products) and self.reduced.issuperset(reductions)
        return is_known and self.layout.slot(store.place).buffer not in exchanged

    def _behind(self, node: Node) -> tuple[list[Product], list[Node]]:
        """The products and the reductions of a step that a value comes of."""
        nodes = [each for each in reachable([node], self.is_there) if not self.is_there(each)]
        found = {product.buffer for each in nodes for product, _ in self.layout.parts.get(each, ())}
        products = [product for product in self.products if product.buffer in found]
        return products, [each for each in nodes if each.op in REDUCTIONS]

    # --- what others need -------------------------------------------------------------------------------------------

    def _reductions(self) -> list[Node]:
        """Those of a step, in their order."""
        wanted = [store.node for store in self.pending.values()]
        wanted += [node for pairs in self.operands.values() for _, node in pairs]
        found = reachable(wanted, self.is_there)
        return [node for node in found if node.op in REDUCTIONS and not self.is_there(node)]

    def _exchanged(self) -> set[str]:
        """Buffers of the states that are operands."""
        nodes = [node for pairs in self.operands.values() for _, node in pairs]
        return {self._buffer_of(n) for n in nodes if n.op == "state" and not self.layout.is_backward}

    def _buffer_of(self, leaf: Node) -> str:
        (slot,) = self.layout.slots(leaf)
        return slot.buffer

    def _set_aside(self) -> None:
        """Finds the operands that are not read where they lie: what depends on the state alone, and its gradient."""
        found = {}
        for product in self.products:
            nodes = [node for _, node in self.operands[product.buffer]]
            is_early = all(node.op != "state" and self._is_early(node) for node in nodes)
            if is_early or any(node.op == "cotangent" for node in nodes):
                found[product.buffer] = is_early
        width = self.plan.width = sum(node.width for name in found for _, node in self.operands[name])
        low = 0
        for name, is_early in found.items():
            self.plan.instead[name] = Slot(ASIDE, low, width, "batch")
            for place, node in self.operands[name]:
                slot = Slot(ASIDE, low, width, "batch")
                if is_early:
                    self.plan.early.setdefault(node, []).append(slot)
                else:
                    self.plan.aside.setdefault(place, []).append(slot)
                low += node.width

    def _is_early(self, node: Node) -> bool:
        """Whether a value depends on the state alone, without a product, so that it can be written with it."""
        nodes = reachable([node])
        leaves = [each for each in nodes if not each.args and not each.is_number]
        is_pointwise = all(each.op != "product" and each.op not in REDUCTIONS for each in nodes)
        return not self.layout.is_backward and is_pointwise and all(n.op in ("state", *UNCHANGED) for n in leaves)


def _operands(layout: Layout, product: Product) -> list[tuple[Place, Node]]:
    """What makes up the operand of a product, from left to right."""
    groups = [group for phase in layout.schedule.levels[product.level].phases for group in phase.groups]
    found = {layout.slot(p): (p, n) for g in groups for p, n in zip(g.operands, g.products[0].args, strict=True)}
    columns = range(product.slot.low, product.slot.low + product.depth)
    beside = [slot for slot in found if slot._replace(low=0) == product.slot._replace(low=0) and slot.low in columns]
    return [found[slot] for slot in sorted(beside)]


def _states(node: Node) -> list[Node]:
    """The states that a value depends on."""
    return [each for each in reachable([node]) if each.op == "state"]
