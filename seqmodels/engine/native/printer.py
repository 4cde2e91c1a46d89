"""Pass 6: the work of each phase and reduction as C: one table of operations, one function a phase."""

from collections.abc import Sequence
from importlib import resources
from math import isinf, isnan

from seqmodels.engine.graph import Node
from seqmodels.engine.schedule import Phase, Place, Reduction, Schedule

EXPRESSIONS = {
    "add": "{} + {}",
    "sub": "{} - {}",
    "mul": "{} * {}",
    "div": "{} / {}",
    "neg": "-{}",
    "abs": "absolute({})",
    "sqrt": "sqrt_({})",
    "exp": "exp_({})",
    "expm1": "expm1_({})",
    "log": "log_({})",
    "log1p": "log1p_({})",
    "tanh": "tanh_({})",
    "sigmoid": "sigmoid_({})",
    "softplus": "softplus_({})",
    "sin": "sin_({})",
    "cos": "cos_({})",
    "erf": "erf_({})",
    "pow": "pow_({}, {})",
    "floor": "floor_({})",
    "remainder": "remainder_({}, {})",
    "maximum": "maximum({}, {})",
    "minimum": "minimum({}, {})",
    "less": "truth(less({}, {}))",
    "less_equal": "truth(less_equal({}, {}))",
    "equal": "truth(equal({}, {}))",
    "select": "choose(~equal({}, set(0)), {}, {})",
    "spread": "{}",
    "same": "{}",
    "stop": "{}",
}
PHASE = (  # parameters of a Body and of a Reducer in vectors.h
    "const Slot *slot, long b, long rows, long column, long end, const real *const *tile, const long *stride, "
    "long vectors"
)
REDUCER = "const Slot *slot, long b, long rows, long end"
COMPARISONS = {"less", "less_equal", "equal"}
BYTES = {"float32": 4, "float64": 8}


def source(schedules: Sequence[Schedule], dtype: str) -> tuple[str, list[list[Place]]]:
    """The C text of a cell's library, and for each schedule the places behind its slot numbers.

    Args:
        schedules: The directions that the library runs.
        dtype: "float32" or "float64".
    """
    slots = [Slots() for _ in schedules]
    functions: list[str] = []
    bodies: list[str] = []
    reducers: list[str] = []
    for number, (schedule, table) in enumerate(zip(schedules, slots, strict=True)):
        for level_number, level in enumerate(schedule.levels, 1):
            for reduction in level.reductions:
                name = f"reduce_{number}_{level_number}_{len(reducers)}"
                functions.append(_reducer(name, reduction, schedule, table))
                reducers.append(name)
            for phase in level.phases:
                name = f"phase_{number}_{level_number}_{len(bodies)}"
                functions.append(_phase(name, phase, schedule, table))
                bodies.append(name)
                for group in phase.groups:
                    for place in group.operands:
                        table.number(place)
        for sink in schedule.sinks:
            for place in (sink.place, *sink.group.operands):
                table.number(place)
    tables = (
        f"Body *const bodies[] = {{{', '.join(bodies) or '0'}}};\n"
        f"Reducer *const reducers[] = {{{', '.join(reducers) or '0'}}};\n"
    )
    return "\n".join([_shared(dtype, "vectors.h", "functions.h"), *functions, tables]), [
        table.places for table in slots
    ]


class Slots:
    """Numbers for places, in the order in which they are met."""

    def __init__(self) -> None:
        self.places: list[Place] = []

    def number(self, place: Place) -> int:
        if place not in self.places:
            self.places.append(place)
        return self.places.index(place)


def runtime(dtype: str, narrow: bool = False) -> str:
    """The C text of the library that runs the functions of all cells; narrow: with products of bfloat16."""
    return f"#define NARROW {int(narrow)}\n" + _shared(dtype, "vectors.h", "runtime.c")


def _shared(dtype: str, *names: str) -> str:
    folder = resources.files("seqmodels.engine.native")
    texts = [(folder / name).read_text(encoding="utf-8") for name in names]
    return "\n".join([f"#define REAL_BYTES {BYTES[dtype]}", *texts])


FUNCTION = """\
static void {name}({parameters}) {{
    for (long r = 0; r < rows; r++, b++) {{
        {once}
        long c = column, v = 0;
#define READ(p) load((p) + c)
#define WRITE(p, value) store((p) + c, value)
#define INSIDE(value, other) value
        for (; c + LANES <= end; c += LANES, v++) {{
            {work}
        }}
#undef READ
#undef WRITE
#undef INSIDE
#define READ(p) load_part((p) + c, end - c)
#define WRITE(p, value) store_part((p) + c, value, end - c)
#define INSIDE(value, other) part(value, other, end - c)
        if (c < end) {{
            {work}
        }}
#undef READ
#undef WRITE
#undef INSIDE
{after}    }}
}}
"""


class _Function:
    """Prints one function: what is the same for a row, then the work on each vector of columns."""

    def __init__(self, schedule: Schedule, slots: Slots, width: int) -> None:
        self.schedule, self.slots, self.width = schedule, slots, width
        self.once: list[str] = []
        self.work: list[str] = []
        self.after: list[str] = []
        self.known: set[Node] = set()
        self.computed: set[Node] = set()
        self.used: set[int] = set()

    def compute(self, node: Node) -> None:
        """A line for a node, after lines for what it reads from memory."""
        names = [self.read(arg) for arg in node.args]
        text = EXPRESSIONS[node.op].format(*names)
        condition = node.args[0]
        if node.op == "select" and condition.op in COMPARISONS and condition in self.computed:
            a, b = (self.read(arg) for arg in condition.args)  # its mask itself, not as numbers
            text = f"choose({condition.op}({a}, {b}), {names[1]}, {names[2]})"
        (self.work if node.width > 1 or self.width == 1 else self.once).append(f"vec {node} = {text};")
        self.known.add(node)
        self.computed.add(node)

    def read(self, node: Node) -> str:
        """The name of a value; what is not computed here is loaded from its place."""
        if node.is_number:
            return f"set({literal(node.data)})"  # type: ignore[arg-type]
        if node not in self.known:
            self.known.add(node)
            pointer = self.pointer(self.schedule.place(node))
            if node.width == 1:
                self.once.append(f"vec {node} = set(*{pointer});")
            else:
                self.work.append(f"vec {node} = READ({pointer});")
        return str(node)

    def pointer(self, place: Place) -> str:
        number = self.slots.number(place)
        self.used.add(number)
        return f"p{number}"

    def text(self, name: str, parameters: str) -> str:
        pointers = [f"real *p{number} = slot[{number}].now + b * slot[{number}].row;" for number in sorted(self.used)]
        return FUNCTION.format(
            name=name,
            parameters=parameters,
            once="\n        ".join([*pointers, *self.once]),
            work="\n            ".join(self.work),
            after="".join(f"        {line}\n" for line in self.after),
        )


def _phase(name: str, phase: Phase, schedule: Schedule, slots: Slots) -> str:
    function = _Function(schedule, slots, phase.width)
    for number, group in enumerate(phase.groups):
        for p, node in enumerate(group.products):
            at = f"r * stride[{number}] + ({p} * vectors + v) * LANES"
            function.work.append(f"vec {node} = load(tile[{number}] + {at});")
            function.known.add(node)
    for node in phase.work:
        function.compute(node)
    for place, node, adds in phase.stores:
        value, to = function.read(node), function.pointer(place)
        function.work.append(f"WRITE({to}, READ({to}) + {value});" if adds else f"WRITE({to}, {value});")
    return function.text(name, PHASE)


def _reducer(name: str, reduction: Reduction, schedule: Schedule, slots: Slots) -> str:
    function = _Function(schedule, slots, reduction.width)
    function.once.append("long column = 0;")
    for node in reduction.work:
        function.compute(node)
    for place, node in reduction.results:
        value, start = function.read(node.args[0]), "0" if node.op == "sum" else "-__builtin_inf()"
        function.once.append(f"vec {node} = set({start});")
        combined = f"{node} + {{}}" if node.op == "sum" else f"maximum({node}, {{}})"
        function.work.append(f"{node} = {combined.format(f'INSIDE({value}, set({start}))')};")
        function.after.append(f"*{function.pointer(place)} = {node.op}_of({node});")
    return function.text(name, REDUCER)


def literal(number: float) -> str:
    """A number as C; hexadecimal, so that no digit is lost."""
    if isnan(number):
        return '__builtin_nan("")'
    if isinf(number):
        return "-__builtin_inf()" if number < 0 else "__builtin_inf()"
    return f"(real){float(number).hex()}"
