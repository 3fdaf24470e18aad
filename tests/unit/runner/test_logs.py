"""Log folders of runs, including concurrent ones."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier

from inferfleet.runner.logs import RUNS_KEPT, new_run

AT_ONCE = 8


def folders(runs: Path) -> list[str]:
    return sorted(path.name for path in runs.iterdir())


def test_simultaneous_runs_have_separate_folders(tmp_path: Path) -> None:
    together = Barrier(AT_ONCE)

    def start(_: int) -> str:
        together.wait()
        with new_run(tmp_path / "runs") as folder:
            together.wait()
            return folder.name

    with ThreadPoolExecutor(AT_ONCE) as pool:
        names = list(pool.map(start, range(AT_ONCE)))
    assert len(set(names)) == AT_ONCE


def test_the_last_runs_are_kept(tmp_path: Path) -> None:
    old = [f"2026-01-{day:02d}T00-00-00" for day in range(1, RUNS_KEPT + 4)]
    for name in old:
        (tmp_path / name).mkdir()
    with new_run(tmp_path) as folder:
        assert folders(tmp_path) == [*old, folder.name]
    assert folders(tmp_path) == [*old[4:], folder.name]


def test_running_run_keeps_its_folder(tmp_path: Path) -> None:
    with ExitStack() as lasting:
        long = lasting.enter_context(new_run(tmp_path))
        (long / "stdout").write_text("TASK [Wait for the engine]")
        later = [f"9999-01-{day:02d}T00-00-00" for day in range(1, RUNS_KEPT + 1)]
        for name in later:
            (tmp_path / name).mkdir()
        with new_run(tmp_path):
            pass
        assert (long / "stdout").exists()
    assert (long / "stdout").exists()  # the summary names it
    with new_run(tmp_path):
        pass
    assert not long.exists()
