"""How long a warm start takes until `/ready`, and how much memory the stack takes at rest.

    python -m bench.start

Memory is the sum of proportional set sizes: what processes share is counted once.
"""

import shutil
import tempfile
import time
from pathlib import Path

import psutil

from bench.stack import RunningStack, stack

REPEATS = 5
#: Seconds until a stack that nobody uses has come to rest.
SETTLE = 3.0


def _memory(running: RunningStack) -> list[tuple[str, float]]:
    rows: list[tuple[str, float]] = []
    names = {entry.pid: name for name, entry in running.run.pids.items()} | {running.pid: "supervisor"}
    for process in running.processes():
        try:
            rows.append((names.get(process.pid, process.name()), process.memory_full_info().pss / 2**20))
        except psutil.NoSuchProcess:
            continue
    return rows


def main() -> None:
    """Run the benchmark and print its figures."""
    folder = Path(tempfile.mkdtemp(prefix="hb-bench-"))
    try:
        with stack(folder) as running:
            print(f"first start to /ready   {running.start_seconds:5.2f} s")
        warm: list[float] = []
        for repeat in range(REPEATS):
            with stack(folder) as running:
                warm.append(running.start_seconds)
                if repeat == REPEATS - 1:
                    time.sleep(SETTLE)
                    rows = _memory(running)
        warm.sort()
        print(f"warm start to /ready    {warm[len(warm) // 2]:5.2f} s  (min {warm[0]:.2f}, max {warm[-1]:.2f})")
        print(f"the stack at rest       {sum(size for _, size in rows):5.0f} MB in {len(rows)} processes")
        grouped: dict[str, list[float]] = {}
        for name, size in rows:
            grouped.setdefault(name, []).append(size)
        for name, sizes in sorted(grouped.items(), key=lambda item: -sum(item[1])):
            print(f"  {name:<22}{sum(sizes):5.0f} MB" + (f" in {len(sizes)}" if len(sizes) > 1 else ""))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
