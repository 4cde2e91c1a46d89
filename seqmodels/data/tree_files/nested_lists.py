"""Trees as nested lists of JSON: {"tree": [["lovely", "film"], "."], "label": "4"}."""

import json
from typing import Any

from seqmodels.data.bad_records import shown
from seqmodels.errors import InputError
from seqmodels.trees import Branch, Tree


def parse_nested_lists(line: str) -> Tree:
    """The tree of an object: under "tree" a list of words and of lists, under "label" the label of its root.

    Raises:
        InputError: The line is no such object, or a list is empty.

    Example:
        >>> print(parse_nested_lists('{"tree": [["lovely", "film"], "."], "label": 4}'))
        (4 ( ( lovely) ( film)) ( .))
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"this is not JSON ({str(error)[:60]}); mend it there") from None
    if not isinstance(record, dict) or "tree" not in record:
        raise InputError(f'the record is {shown(record)}; write {{"tree": [["lovely", "film"], "."], "label": "4"}}')
    root = _branch(record["tree"])
    label = record.get("label")
    if label is not None and not (isinstance(label, str | int) and not isinstance(label, bool)):
        raise InputError(f"the label is {shown(label)}; write a text or a whole number")
    root.label = None if label is None else str(label)
    return Tree.of(root)


def _branch(value: Any) -> Branch:
    if isinstance(value, str) and value.strip():
        return Branch(word=value)
    if not isinstance(value, list) or not value:
        raise InputError(
            f"{shown(value) if value != [] else 'an empty list'} stands in the tree; write words and lists"
        )
    branch = Branch(children=[_branch(part) for part in value])
    branch.collapse()
    return branch
