"""Write the Grafana dashboards and Prometheus' console pages: `python -m tools.dashboards`."""

from pathlib import Path

from inferfleet.monitoring.dashboards import generated_files

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Write the files that differ."""
    for name, text in generated_files().items():
        (ROOT / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
