"""Pass 4: which values of a step are kept for the step backwards, and which are computed again there."""

from seqmodels.engine.derivative import Backward
from seqmodels.engine.graph import EXPENSIVE, REDUCTIONS, Node, reachable
from seqmodels.engine.loop import Loop

VECTORISED = ("tanh", "sigmoid", "exp")  # cost about as much as to write their result to memory and read it


def choose_saved(loop: Loop, backward: Backward) -> list[Node]:
    """The nodes of the step that the step backwards reads from memory, beside leaves and new states.

    Kept are operands of deferred products, and results of products, reductions and costly functions; what is cheap to
    compute from those, or from what lies there anyway (the tanh of an LSTM's c), is computed again, unless that would
    keep more values than the result itself.
    """
    forward = set(reachable(loop.outputs))
    free = set(loop.outputs)
    # Of leaves, inputs of every step and states lie there for every step already.
    saved = {d.operand for d in backward.deferred if d.operand.op not in ("step", "state") and d.operand not in free}

    def missing(node: Node) -> set[Node]:
        """What else must be kept so that the node can be computed again."""
        if node.is_leaf or node.is_number or node in saved or node in free:
            return set()
        if node.op in VECTORISED and all(arg.is_leaf or arg in free for arg in node.args):
            return set()
        if node.op in EXPENSIVE or node.op in REDUCTIONS or node.op == "product":
            return {node}
        return set().union(*map(missing, node.args))

    def is_demanded(node: Node) -> bool:
        return node not in forward

    outputs = [node for node in backward.outputs if is_demanded(node)]
    demanded = {arg for node in reachable(outputs, lambda n: n in forward) if node not in forward for arg in node.args}
    demanded |= {node for node in backward.outputs if node in forward}
    for node in sorted(demanded & forward, key=lambda n: n.number):
        more = missing(node)
        wide = [each for each in more if each.width > 1]
        saved |= more if len(wide) <= 1 else {node}
    return sorted(saved, key=lambda n: n.number)
