"""Writers that are killed, that meet, and that run out of disk: on a folder and on an S3-compatible server."""

import contextlib
import datetime as dt
import importlib.util
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from hashdesk.catalog.live_tables import store_spec
from hashdesk.errors import SourceError
from hashdesk.store.delta import DeltaStore
from hashdesk.store.tables import MARKER, DeltaTables

HERE = Path(__file__).parent
TABLE = "mining_pools"
NOW = dt.datetime(2025, 10, 1, tzinfo=dt.UTC)

KILLS = {"folder": 200, "s3": 25}
WRITERS = 8

LONGEST_SPAN_SECONDS = 0.6
"""On a busy machine three commits take longer than a test may."""

BATCHES = {"folder": 12, "s3": 2}


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


writer = _module("store_writer")


class Writers:
    """The process that forks writers."""

    def __init__(self) -> None:
        environment = os.environ | {"PYTHONPATH": str(HERE.parents[1] / "src")}
        command = [sys.executable, str(HERE / "store_writer.py")]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        self.acknowledged: set[str] = set()
        self.done: set[str] = set()
        self.pids: dict[str, int] = {}
        self._rest = b""

    def start(self, command: str) -> int:
        assert self.process.stdin
        self.process.stdin.write(f"{command}\n".encode())
        self.process.stdin.flush()
        name = command.split()[2]
        while name not in self.pids:
            self.listen()
        return self.pids[name]

    def listen(self, *, is_waiting: bool = True) -> None:
        """Take in what the writers say."""
        assert self.process.stdout
        os.set_blocking(self.process.stdout.fileno(), is_waiting)
        try:
            heard = os.read(self.process.stdout.fileno(), 65_536)
        except BlockingIOError:
            return
        assert heard, "the writers' process has ended"
        *lines, self._rest = (self._rest + heard).split(b"\n")
        for line in lines:
            kind, name, *more = line.decode().split()
            assert kind != "failed", line
            if kind == "pid":
                self.pids[name] = int(more[0])
            else:
                {"ack": self.acknowledged, "done": self.done}[kind].add(name)

    def close(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait(timeout=20)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def s3_port() -> Iterator[str]:
    server = subprocess.Popen(
        [sys.executable, str(HERE / "s3_server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert server.stdin and server.stdout
    yield server.stdout.readline().decode().strip()
    server.stdin.close()
    server.wait(timeout=20)
    server.stdout.close()


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def address(place: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty store with the one table that the writers fill."""
    at = str(tmp_path / "store")
    if place == "s3":
        port = request.getfixturevalue("s3_port")
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ALLOW_HTTP": "true",
        }.items():
            monkeypatch.setenv(name, value)
        at = f"s3://desk/{request.node.name.replace('[', '-').rstrip(']')}"
    DeltaTables(at).make([store_spec(TABLE)])
    return at


@pytest.fixture
def writers(address: str) -> Iterator[Writers]:
    started = Writers()
    yield started
    for pid in started.pids.values():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    started.close()


def batches_of(rows: pl.DataFrame) -> dict[str, int]:
    """Own rows of each batch that a reader sees."""
    own = rows.filter(pl.col("source") == "writer")
    return dict(own.group_by("link").len().iter_rows())


def test_a_writer_killed_at_any_instant_loses_nothing_and_leaves_nothing_half(
    place: str, address: str, writers: Writers
) -> None:
    draw = random.Random(20250930)
    # The span that delays are drawn from covers start, reading, writing and committing of the first few batches.
    began = time.perf_counter()
    pid = writers.start(f"loop {address} measured")
    while len(writers.acknowledged) < 3:
        writers.listen()
    span = min(time.perf_counter() - began, LONGEST_SPAN_SECONDS)
    os.kill(pid, signal.SIGKILL)
    n_killed_before_first = 0
    for kill in range(KILLS[place]):
        name = f"w{kill}"
        pid = writers.start(f"loop {address} {name}")
        time.sleep(draw.uniform(0, span))
        os.kill(pid, signal.SIGKILL)
        writers.listen(is_waiting=False)
        n_killed_before_first += f"{name}/0" not in writers.acknowledged

        store = DeltaStore(address)
        seen = batches_of(store.rows(TABLE))
        assert set(seen.values()) <= {writer.ROWS}, f"kill {kill}: a batch is there in part"
        assert writers.acknowledged <= set(seen), f"kill {kill}: an acknowledged batch is gone"
        result = store.append(TABLE, writer.own_batch("next", kill), retrieved_at=NOW)
        assert result.n_new == writer.ROWS
        writers.acknowledged.add(f"next/{kill}")
    # The instants lie on both sides of a commit, or the test would have tried nothing.
    assert 0 < n_killed_before_first < KILLS[place]
    facts = DeltaStore(address).read(TABLE)
    assert facts["name"].is_unique().all()


def test_eight_writers_and_a_reader_lose_repeat_and_tear_no_row(place: str, address: str, writers: Writers) -> None:
    names = [f"w{number}" for number in range(WRITERS)]
    for name in names:
        writers.start(f"some {address} {name} {BATCHES[place]}")
    store, n_reads, before = DeltaStore(address), 0, 0
    deadline = time.monotonic() + 150
    while writers.done != set(names):
        assert time.monotonic() < deadline, "the writers are stuck"
        writers.listen(is_waiting=False)
        store.refresh()
        rows = store.rows(TABLE)
        assert set(batches_of(rows).values()) <= {writer.ROWS}
        assert rows.height >= before
        before, n_reads = rows.height, n_reads + 1
    store.refresh()
    rows = store.rows(TABLE)
    assert n_reads > 3
    assert set(batches_of(rows)) == {f"{name}/{k}" for name in names for k in range(BATCHES[place])}
    assert rows.filter(pl.col("source") == "everyone").height == writer.SHARED
    assert rows["name"].is_unique().all()


def fill(store: DeltaStore, number: int) -> None:
    """Append a batch that does not compress."""
    draw = random.Random(number)
    frame = writer.own_batch("full", number).with_columns(
        tags=pl.Series([draw.randbytes(20_000).hex() for _ in range(writer.ROWS)])
    )
    store.append(TABLE, frame, retrieved_at=NOW)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        is_mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        is_mounted = False
    if not is_mounted:
        pytest.skip("a small disk cannot be mounted here; the limit on file size is tried instead")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_one_clear_line_and_the_store_stays_whole(small_disk: Path) -> None:
    address = str(small_disk / "store")
    DeltaTables(address).make([store_spec(TABLE)])
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 600_000)
    store, number = DeltaStore(address), 0
    with pytest.raises(SourceError, match="No space left on device") as caught:
        for number in range(50):
            fill(store, number)
    assert "\n" not in str(caught.value)
    seen = batches_of(DeltaStore(address).rows(TABLE))
    assert seen == {f"full/{k}": writer.ROWS for k in range(number)}
    assert number > 0
    ballast.unlink()
    fill(DeltaStore(address), number)
    assert len(batches_of(DeltaStore(address).rows(TABLE))) == number + 1


def test_a_file_that_may_not_grow_is_one_clear_line_and_the_store_stays_whole(tmp_path: Path) -> None:
    address = str(tmp_path / "store")
    DeltaTables(address).make([store_spec(TABLE)])
    fill(DeltaStore(address), 0)
    script = (
        "import runpy, signal, sys\n"
        "from hashdesk.errors import SourceError\n"
        "from hashdesk.store.delta import DeltaStore\n"
        "import datetime as dt, polars as pl, random\n"
        f"ns = runpy.run_path({str(HERE / 'store_writer.py')!r})\n"
        f"store = DeltaStore({address!r})\n"
        "frame = ns['own_batch']('limited', 0).with_columns(\n"
        "    tags=pl.Series([random.Random(k).randbytes(20_000).hex() for k in range(ns['ROWS'])]))\n"
        "try:\n"
        f"    store.append({TABLE!r}, frame, retrieved_at=dt.datetime.now(dt.UTC))\n"
        "except SourceError as error:\n"
        "    print(error)\n"
    )

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    environment = os.environ | {"PYTHONPATH": str(HERE.parents[1] / "src")}
    done = subprocess.run(
        [sys.executable, "-c", script], preexec_fn=limit, env=environment, capture_output=True, text=True, check=True
    )
    assert "File too large" in done.stdout
    assert done.stdout.count("\n") == 1
    assert batches_of(DeltaStore(address).rows(TABLE)) == {"full/0": writer.ROWS}
    assert (tmp_path / "store" / MARKER).is_dir()
