"""After pass 2: a product that is the sum of others is computed as that sum, so that nothing is multiplied twice.

Sums of products became one product, whose operands go through one accumulation. Where a step also uses a part of such a
sum by itself, the part would be computed again.
"""

import functools

from seqmodels.engine.graph import Node, operands, reachable
from seqmodels.engine.loop import Loop


def share_products(loop: Loop) -> None:
    """Changes the new states of a loop into those without repeated products.

    Args:
        loop: Its products are of the form that ``Graph.product`` gives.
    """
    nodes = reachable(loop.outputs)
    products = sorted((node for node in nodes if node.op == "product"), key=lambda node: -len(node.args))
    if not any(_parts(node, products) for node in products):
        return
    new: dict[Node, Node] = {}

    def made(node: Node) -> Node:
        """The node that takes the place of this one, whose operands have theirs."""
        if node in new:
            return new[node]
        parts = _parts(node, products)
        if parts:
            new[node] = total(node, parts)
        else:
            args = [new[arg] for arg in node.args]
            new[node] = node if args == list(node.args) else loop.graph.make(node.op, args, node.width, node.data)
        return new[node]

    def total(node: Node, parts: list[Node]) -> Node:
        used = {pair for part in parts for pair in operands(part)}
        rest = [(new[arg], segment) for arg, segment in operands(node) if (arg, segment) not in used]
        terms = [made(part) for part in parts] + ([loop.graph.product(rest, node.width)] if rest else [])
        # Not graph.add, which would make one product of them again.
        return functools.reduce(lambda a, b: loop.graph.make("add", (a, b), node.width), terms)

    for node in nodes:
        made(node)
    loop.new_state = [[new[piece] for piece in pieces] for pieces in loop.new_state]


def _parts(node: Node, products: list[Node]) -> list[Node]:
    """Other products, the longest first, whose operands are some of this one's, and none of each other's."""
    if node.op != "product":
        return []
    left = set(operands(node))
    if len(left) < len(node.args):  # the same twice
        return []
    found = []
    for other in products:
        if other is not node and other.width == node.width and left.issuperset(operands(other)):
            found.append(other)
            left.difference_update(operands(other))
    return found
