"""A process that starts writers when told to: forked after the imports, so that a writer costs milliseconds.

Commands on standard input, one a line: ``loop ADDRESS NAME`` commits batches for ever; ``some ADDRESS NAME N`` commits
N batches, each with facts of its own and facts that every writer brings, and ends. The answer is the writer's process
id; a writer says ``ack NAME/K`` once batch K is committed, ``done NAME`` at its end.
"""

import datetime as dt
import os
import sys

ROWS = 7
"""Rows of a batch."""

SHARED = 5
"""Facts that every writer brings, in each of its batches."""


def own_batch(name: str, number: int):
    """Facts that only this writer brings; every row names its batch."""
    import polars as pl

    label = f"{name}/{number}"
    return pl.DataFrame(
        {
            "name": [f"{label}/{row}" for row in range(ROWS)],
            "link": [label] * ROWS,
            "source": ["writer"] * ROWS,
            "known_at": [dt.date(2025, 9, 1)] * ROWS,
        }
    )


def shared_batch():
    """Facts that all writers bring alike."""
    import polars as pl

    return pl.DataFrame(
        {
            "name": [f"shared/{row}" for row in range(SHARED)],
            "link": ["shared"] * SHARED,
            "source": ["everyone"] * SHARED,
            "known_at": [dt.date(2025, 9, 1)] * SHARED,
        }
    )


def write(address: str, name: str, n_batches: int | None) -> None:
    """Commit batches and acknowledge each."""
    import polars as pl

    from hashdesk.store.delta import DeltaStore

    store = DeltaStore(address)
    number = 0
    while n_batches is None or number < n_batches:
        frame = own_batch(name, number)
        if n_batches is not None:
            frame = pl.concat([frame, shared_batch()])
        store.append("mining_pools", frame, retrieved_at=dt.datetime.now(dt.UTC), batch=f"{name}/{number}")
        os.write(1, f"ack {name}/{number}\n".encode())
        number += 1
    os.write(1, f"done {name}\n".encode())


def main() -> None:
    """Fork one writer a command."""
    import arro3.core  # noqa: F401 - imported once, before the forks
    import deltalake  # noqa: F401
    import polars  # noqa: F401

    import hashdesk.store.delta
    import hashdesk.store.vintages  # noqa: F401

    for line in sys.stdin:
        command, address, name, *count = line.split()
        pid = os.fork()
        if pid == 0:
            try:
                write(address, name, int(count[0]) if command == "some" else None)
            except BaseException as error:
                os.write(1, f"failed {name} {type(error).__name__}: {' '.join(str(error).split())}\n".encode())
            os._exit(0)
        os.write(1, f"pid {name} {pid}\n".encode())


if __name__ == "__main__":
    main()
