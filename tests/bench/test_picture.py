"""The picture of the page is drawn from rows, with void ones left out."""

from pathlib import Path

from bench.tools import Latency

from bench import figures, picture, promises


def sample(subject: str, workload: str, *, failures: int = 0) -> figures.Sample:
    return figures.Sample(
        subject, workload, 0, 1000, failures, 1.0, cpu_s=0.5, latency=Latency(p50_us=100.0, p99_us=200.0)
    )


def test_a_panel_a_workload(tmp_path: Path) -> None:
    """A PNG comes out for one workload and for three, with a void row and with a peer that is far off."""
    path = tmp_path / "a.png"
    some = [sample("nginx", promises.PLAIN), sample("halfopen", promises.PLAIN)]
    picture.draw(figures.rows_of(some), path)
    narrow = path.read_bytes()
    more = [sample("direct", promises.OPEN), sample("portkey", promises.STREAMS, failures=1)]
    picture.draw(figures.rows_of(some + more), path)
    assert narrow.startswith(b"\x89PNG")
    assert path.read_bytes() != narrow
