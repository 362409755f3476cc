"""The command line on a real cluster of separate processes: the same document as on this machine."""

import warnings
from collections.abc import Iterator

import pytest

distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")

from hashdesk.cli import run  # noqa: E402

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


@pytest.fixture
def address(socket_enabled: None) -> Iterator[str]:
    """Address of a scheduler with two workers, a process each, reached over loopback."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
        ) as local:
            yield local.scheduler_address


def test_a_scheduler_named_on_the_command_line_gives_the_same_document(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["outlook", "--from", "2025-09", "--paths", "300", "--horizon", "6m", "--scenario", "bear", "--json"]
    documents = []
    for extra in ([], ["--executor", address]):
        capsys.readouterr()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert run([*command, *extra]) == 0
        documents.append(capsys.readouterr().out)
    assert documents[0] == documents[1]
