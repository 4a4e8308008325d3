"""What the demo tells when it has ended: the table of handovers, one trace, and summary.json."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from local_platform.demo.desk import Json
from local_platform.demo.loading import SampleChain
from local_platform.demo.shop import Shop
from local_platform.traces import Trace, counted, load, tree


@dataclass
class Told:
    """What there is to tell of a demo; of one that could not start, hardly more than the
    problem."""

    shop: Shop = field(default_factory=lambda: Shop("", {}, SampleChain(), lambda line: None))
    problem: str = ""
    handovers: list[Json] = field(default_factory=list)
    traces: list[Trace] = field(default_factory=list)
    seconds: float = 0.0
    is_kept: bool = True
    """Whether everything it made stays in its folder."""

    def summary(self) -> Json:
        """Return what summary.json holds."""
        return {
            "ok": not self.problem,
            "order_id": self.shop.glasses.order_id,
            "job_id": self.shop.glasses.job_id,
            "steps": [asdict(step) for step in self.shop.steps],
            "handovers": len(self.handovers),
            "traces": {**counted(self.traces), "services": services_in(self.traces)},
            "stale_attempts": [asdict(one) for one in self.shop.stale_attempts],
            "entries": self.shop.entries,
            "seconds": self.seconds,
        }

    def write(self, var: Path) -> Path:
        """Write summary.json into the demo's folder and return where it is."""
        path = var / "summary.json"
        path.write_text(json.dumps(self.summary(), ensure_ascii=False, indent=1))
        return path


def handovers_of(shop: Shop) -> list[Json]:
    """Return the handovers of the journey's case, in the order they were given."""
    state = shop.desk("optician.ja1").do("gateway.GetOrderState", order_id=shop.glasses.order_id)
    return list(state.get("handovers", ()))


def print_handovers(console: Console, chain: SampleChain, handovers: list[Json]) -> None:
    """Print from whom to whom, on which versions, and how long each waited."""
    codes = {branch_id: code for code, branch_id in chain.branches.items()}
    table = Table("from", "to", "at", "record", "versions pinned", "waited")
    for one in handovers:
        pins = _pinned(one.get("pins", ()))
        waited = (
            f"{int(one.get('waited_ms', 0)) / 1000:.1f} s" if one.get("accepted_at") else "open"
        )
        to_branch = codes.get(one.get("to_branch_id", ""), "")
        table.add_row(one["from_role"], one["to_role"], to_branch, one["kind"], pins, waited)
    console.print(table)


def traces_of(shop: Shop, telemetry: Path) -> list[Trace]:
    """Return the traces of everything that was clicked."""
    wanted = set(shop.trace_ids)
    return [trace for trace in load(telemetry) if trace.trace_id in wanted]


def _pinned(pins: Iterable[Json]) -> str:
    """Return the pinned versions in few words: those past the first are what people look for."""
    named = sorted({f"{pin['kind'].partition('.')[2]} v{pin['settled_version']}" for pin in pins})
    later = [name for name in named if not name.endswith(" v1")]
    return f"{len(named)}: {', '.join((later + named)[:4])}" if named else ""


def services_in(traces: list[Trace]) -> list[str]:
    """Return the services that took part, by name."""
    processes = {span.process for trace in traces for span in trace.spans}
    return sorted({process.partition(".")[0] for process in processes})


def print_one_trace(console: Console, traces: list[Trace], trace_id: str) -> None:
    """Print one step's trace as a tree."""
    for trace in traces:
        if trace.trace_id == trace_id:
            console.print("\n".join(tree(trace)), markup=False, highlight=False)
