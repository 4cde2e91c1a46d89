"""The widths of tiles of the persistent kernel, and the names of their columns, rows and masks."""


def padded(width: int) -> int:
    """Columns of a tile that holds so many, as products want them; one number a row stays one."""
    return 1 if width == 1 else max(16, 1 << (width - 1).bit_length())


class Tiles:
    """Names that a kernel uses, and the lines that compute them."""

    def __init__(self) -> None:
        self.widest = 1
        self._known: dict[str, str] = {}

    @property
    def lines(self) -> list[str]:
        """Columns come before masks."""
        return [f"{name} = {text}" for name, text in sorted(self._known.items())]

    def column(self, width: int) -> str:
        """The numbers of a tile's columns: [1, padded width]."""
        wide = padded(width)
        self.widest = max(self.widest, wide)
        return self._name(f"column_{wide}", f"tl.arange(0, {wide})[None, :]")

    def down(self, depth: int) -> str:
        """The numbers of a matrix's rows: [padded depth, 1]."""
        return self._name(f"down_{padded(depth)}", f"tl.arange(0, {padded(depth)})[:, None]")

    def inside(self, width: int) -> str:
        """Which of a tile's columns are there; "" if all are."""
        if width == padded(width):
            return ""
        return self._name(f"inside_{width}", f"{self.column(width)} < {width}")

    def _name(self, name: str, text: str) -> str:
        self._known[name] = text
        return name
