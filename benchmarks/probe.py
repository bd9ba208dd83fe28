"""Run one measurement in a process of its own: `probe.py CASE VARIANT PEER PLAN`, printing its values as JSON."""

from __future__ import annotations

import json
import sys
import time

from cases import load_case
from peers import PARTICIPANTS
from process_tree import CpuMeter, adopt_orphans
from records import Plan


def main() -> None:
    """Open the peer, measure, close it, and charge it for what closing took."""
    key, variant, peer_key = sys.argv[1:4]
    plan = Plan(**json.loads(sys.argv[4]))
    case = load_case(key)
    assert case.measure is not None
    adopt_orphans()
    peer = PARTICIPANTS[peer_key].load().Adapter()
    began = time.perf_counter()
    peer.open(plan.workers)
    try:
        values = {"open_s": time.perf_counter() - began, **case.measure(peer, variant, plan)}
        before_s, meter = time.perf_counter(), CpuMeter()
    finally:
        peer.close()
    values["close_s"] = time.perf_counter() - before_s
    closing_cpu_s = meter.seconds()
    if closing_cpu_s >= 0:  # else a daemon let its children's time go uncounted
        values["close_cpu_s"] = closing_cpu_s
    print(json.dumps(values))


if __name__ == "__main__":
    main()
