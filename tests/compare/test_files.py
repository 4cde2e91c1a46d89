"""JSON lines that survive whatever stops their writer."""

from seqmodels.compare.files import append_line, read_lines
from seqmodels.errors import DataError


def test_a_torn_last_line_is_ignored_and_replaced(tmp_path):
    path = tmp_path / "lines.jsonl"
    append_line(path, {"a": 1})
    with open(path, "a") as file:
        file.write('{"a": 2')
    assert read_lines(path) == [{"a": 1}]
    append_line(path, {"a": 3})
    assert read_lines(path) == [{"a": 1}, {"a": 3}]


def test_a_damaged_line_is_an_error_with_its_number(tmp_path, one_line):
    path = tmp_path / "lines.jsonl"
    path.write_text('{"a": 1}\n{"a"\n{"a": 3}\n')
    with one_line(DataError, "line 2", str(path)):
        read_lines(path)
