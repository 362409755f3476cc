"""The machinery behind the charts: the JavaScript that draws them on the page, and processes that work ahead.

The JavaScript is Vega-Lite and Vega out of the installed vl-convert package. Bundling it takes more than a second, so
the result is kept in the user's cache folder. Bundling and drawing hold Python's global lock, so :class:`ChartEngine`
does both in processes of their own while the note is computed and its workbook is written.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from types import TracebackType

from hashdesk.note.chart_parts import Chart, static
from hashdesk.note.charts import render_svgs

_SNIPPET = "window.vegaEmbed = vegaEmbed;"

_BUNDLER = "import sys, vl_convert; sys.stdout.buffer.write(vl_convert.javascript_bundle(sys.argv[1]).encode())"

# The first drawing starts the engine; it need not wait for the specifications, which come one a line.
_DRAWER = """
import json, sys, vl_convert
vl_convert.vegalite_to_svg({"mark": "point"})
for line in sys.stdin.buffer:
    print(json.dumps(vl_convert.vegalite_to_svg(line.decode())), flush=True)
"""


def load_runtime(folder: Path | None = None) -> str:
    """Read the page's JavaScript from the cache, or bundle it and keep it there.

    Parameters
    ----------
    folder : Path, optional
        Where bundles are kept; the user's cache folder by default. A folder that cannot be written costs time at the
        next note, nothing else.

    Returns
    -------
    str
        JavaScript that defines ``vegaEmbed``.
    """
    path = _runtime_path(folder)
    kept = _read(path)
    if kept is None:
        import vl_convert

        kept = vl_convert.javascript_bundle(_SNIPPET)
        _write(path, kept.encode())
    return kept


class ChartEngine:
    """Draws charts, and bundles the page's JavaScript where the cache lacks it, beside the calling process.

    Start it before the note is computed, hand it charts with :meth:`draw` as soon as there are any, and ask for
    :meth:`svgs` and :meth:`runtime` when they are needed. Where a process cannot be started or fails, the work is done
    in the caller instead: slower, with the same result and the same errors.

    Parameters
    ----------
    folder : Path, optional
        Cache folder, as for :func:`load_runtime`.
    has_page : bool, default True
        Whether the JavaScript will be asked for.

    Examples
    --------
    >>> with ChartEngine(has_page=False) as engine:
    ...     engine.draw([])
    ...     engine.svgs()
    {}
    """

    def __init__(self, folder: Path | None = None, *, has_page: bool = True) -> None:
        self._path = _runtime_path(folder)
        self._folder = folder
        self._charts: list[Chart] = []
        self._lines_sent: dict[str, tuple[int, bytes]] = {}
        self._drawer = _Worker(_DRAWER)
        # The drawings are needed first, so the bundler gives way to them.
        needs_bundle = has_page and _read(self._path) is None
        self._bundler = _Worker(_BUNDLER, _SNIPPET, is_patient=True) if needs_bundle else None
        if self._bundler:
            self._bundler.end()

    def __enter__(self) -> ChartEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._drawer.close()
        if self._bundler:
            self._bundler.close()

    def draw(self, charts: Sequence[Chart]) -> None:
        """Begin to draw every chart that has a specification, and return at once.

        May be called again with more charts; one that was handed over before, unchanged, is not drawn again.
        """
        for chart in charts:
            if chart.spec is None:
                continue
            line = json.dumps(static(chart.spec)).encode() + b"\n"
            if self._lines_sent.get(chart.id, (0, b""))[1] == line:
                continue
            self._charts.append(chart)
            self._lines_sent[chart.id] = (len(self._charts), line)
            self._drawer.send(line)

    def svgs(self, charts: Sequence[Chart] | None = None) -> dict[str, str]:
        """Wait for the drawings, all of them or those of some charts.

        Parameters
        ----------
        charts : sequence of Chart, optional
            Wait no longer than for these; drawings are made in the order in which the charts were handed over.

        Returns
        -------
        dict of str to str
            SVG text by chart id, as from :func:`hashdesk.note.charts.render_svgs`.

        Raises
        ------
        ModelError
            Vega-Lite does not accept a specification.
        """
        wanted = self._lines_sent if charts is None else {chart.id for chart in charts}
        places = [place for chart_id, (place, _) in self._lines_sent.items() if chart_id in wanted]
        lines = self._drawer.lines(max(places)) if places else []
        if lines is None:
            return render_svgs(self._charts)
        return {chart.id: json.loads(line) for chart, line in zip(self._charts, lines, strict=False)}

    def runtime(self) -> str:
        """Wait for the page's JavaScript; it stands in the cache from then on."""
        lines = self._bundler.lines() if self._bundler else None
        if not lines:
            return load_runtime(self._folder)
        output = b"".join(lines)
        _write(self._path, output)
        return output.decode()


class _Worker:
    """A Python process that is sent lines, writes lines, and ends when nothing more is sent."""

    def __init__(self, code: str, *arguments: str, is_patient: bool = False) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._input: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._lines: list[bytes] = []
        self._is_over = False
        self._news = threading.Condition()
        self._threads: list[threading.Thread] = []
        if is_patient and hasattr(os, "nice"):
            code = f"import os; os.nice(3)\n{code}"
        # A frozen or restricted interpreter may be unable to start a copy of itself.
        with contextlib.suppress(OSError):
            self._process = subprocess.Popen(
                [sys.executable, "-c", code, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            # Input and output are larger than a pipe holds, so each has a thread.
            self._threads = [threading.Thread(target=work, daemon=True) for work in (self._write, self._read)]
            for thread in self._threads:
                thread.start()

    def send(self, content: bytes) -> None:
        """Hand over input."""
        self._input.put(content)

    def end(self) -> None:
        """Say that there is no more input."""
        self._input.put(None)

    def lines(self, count: int | None = None) -> list[bytes] | None:
        """Wait for the first lines, or for all of them; None where the process failed before."""
        if self._process is None:
            return None
        with self._news:
            self._news.wait_for(lambda: self._is_over or (count is not None and len(self._lines) >= count))
            is_whole = self._is_over and self._process.returncode == 0
            return list(self._lines) if is_whole or (count is not None and len(self._lines) >= count) else None

    def close(self) -> None:
        """End the process, whatever it does."""
        if self._process is None:
            return
        self._process.kill()
        self.end()
        for thread in self._threads:
            thread.join()

    def _write(self) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        # The process may end before it has read everything; the rest of the input is then dropped.
        with contextlib.suppress(OSError), process.stdin:
            while (content := self._input.get()) is not None:
                process.stdin.write(content)
                process.stdin.flush()

    def _read(self) -> None:
        process = self._process
        if process is None or process.stdout is None:
            return
        with process.stdout:
            for line in process.stdout:
                with self._news:
                    self._lines.append(line)
                    self._news.notify_all()
        process.wait()
        with self._news:
            self._is_over = True
            self._news.notify_all()


def cache_folder() -> Path:
    """Folder for files that can be made again: the platform's cache folder of the user."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "hashdesk"


def _runtime_path(folder: Path | None) -> Path:
    package = version("vl-convert-python")
    return (folder or cache_folder()) / f"vega-{package}-{_digest(_SNIPPET.encode())[:8]}.js"


def _read(path: Path) -> str | None:
    """Kept bundle, or None where there is none or its hash does not match (a killed writer, a full disk)."""
    try:
        digest, _, content = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return content.decode() if digest.decode(errors="replace") == _digest(content) else None


def _write(path: Path, content: bytes) -> None:
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(_digest(content).encode() + b"\n" + content)
        os.replace(temporary, path)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
