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
    except RecursionError:
        raise InputError("lists are nested too deeply; write the tree in brackets, in a file that isn't JSON") from None
    except ValueError as error:
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
    """The root, of lists however deep."""
    outside = Branch()
    todo, lists = [(value, outside)], []
    while todo:
        part, above = todo.pop()
        branch = Branch()
        above.children.append(branch)
        if isinstance(part, str) and part.strip():
            branch.word = part
        elif isinstance(part, list) and part:
            todo += [(child, branch) for child in reversed(part)]
            lists.append(branch)
        else:
            found = shown(part) if part != [] else "an empty list"
            raise InputError(f"{found} stands in the tree; write words and lists")
    for branch in reversed(lists):  # what is in a list before the list
        branch.collapse()
    return outside.children[0]
