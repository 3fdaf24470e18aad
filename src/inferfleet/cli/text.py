"""Numbers as people read them."""

from rich.filesize import decimal

from inferfleet.runner.result import Progress


def duration(seconds: float) -> str:
    """Return e.g. `0.4s`, `12s`, `3m 05s`, `2h 01m`."""
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02d}m"


def count(number: int, noun: str) -> str:
    """Return e.g. `1 task`, `3 tasks`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def amount(progress: Progress) -> str:
    """Return e.g. `2.1 of 10.4 GB`, `3 of 60 checks`, `412 MB`; empty when nothing is known."""
    done, total = progress.done, progress.total
    if done is None:
        return ""
    if progress.unit == "bytes":
        return f"{decimal(int(done))} of {decimal(int(total))}" if total else decimal(int(done))
    unit = f" {progress.unit}" if progress.unit else ""
    return f"{done:g} of {total:g}{unit}" if total else f"{done:g}{unit}"


def progress_parts(progress: Progress) -> list[str]:
    """Return what is known of the progress, the most important first."""
    percent = f"{min(progress.done / progress.total, 1):.0%}" if progress.done and progress.total else ""
    speed = ""
    if progress.unit == "bytes" and progress.rate and progress.rate > 0:
        speed = f"{decimal(int(progress.rate))}/s"
    left = progress.seconds_left
    remaining = f"{duration(left)} left" if left is not None and progress.unit == "bytes" else ""
    attempt = f"try {progress.attempt}" if progress.attempt and not percent and not progress.text else ""
    parts = [progress.text, percent, amount(progress), speed, remaining, attempt]
    return [part for part in parts if part]
