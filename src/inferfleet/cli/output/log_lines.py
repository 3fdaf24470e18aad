"""Lines of the logs of all nodes: a column each for time, node and component, then the text as it is."""

import json
import re
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from inferfleet.cli.output.text import pad
from inferfleet.sessions import Entry

_COLORS = ("cyan", "green", "magenta", "yellow", "blue", "red")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Characters that would change the terminal; what a program logs may be from its clients."""
_MILLISECONDS = len("2026-01-31T12:00:00.000")


class LogLines:
    """Prints entries; columns grow with the names that appear."""

    def __init__(self, console: Console, nodes: Sequence[str], replicas: dict[str, str], *, as_json: bool) -> None:
        """`replicas` are those of the nodes, as far as they are known when a line is printed."""
        self._console = console
        self._node_cells = max(map(cell_len, nodes), default=0)
        self._colors = {node: _COLORS[number % len(_COLORS)] for number, node in enumerate(nodes)}
        self._component_cells = 0
        self._replicas = replicas
        self._as_json = as_json

    def show(self, entry: Entry, component: str) -> None:
        """Print an entry of a component."""
        if self._as_json:
            form = {"time": entry.time, "node": entry.node, "component": component, "source": entry.source}
            if self._replicas.get(entry.node):
                form["replica"] = self._replicas[entry.node]
            print(json.dumps({**form, "text": entry.text}, ensure_ascii=False), flush=True)
            return
        self._component_cells = max(self._component_cells, cell_len(component))
        moment = entry.time[:_MILLISECONDS].replace("T", " ")
        line = Text.assemble(
            (f"{moment} ", "dim"),
            (f"{pad(entry.node, self._node_cells)} {pad(component, self._component_cells)} ", self._colors[entry.node]),
            _CONTROL.sub("", entry.text),
        )
        self._console.print(line, soft_wrap=True)
