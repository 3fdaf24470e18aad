"""Take a picture of the console pages of a deployment's Prometheus for the documentation.

    python -m tools.console_picture https://198.18.5.11:8445 inventories/lab/.secrets/monitoring_admin_password

Writes docs/en/images/console.png and docs/zh/images/console.png: the first two questions, over the last hour.
"""

import argparse
from pathlib import Path

from playwright.sync_api import sync_playwright

DOCS = Path(__file__).resolve().parents[1] / "docs"
CHROMIUM = "/usr/bin/chromium"  # Debian's; `make browser` installs it
PAGES = {"en": "index.html", "zh": "zh.html"}
HOUR = "3600"


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="of Prometheus behind the gateway")
    parser.add_argument("password_file", type=Path)
    options = parser.parse_args()
    login = {"username": "admin", "password": options.password_file.read_text("utf-8").strip()}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        # The certificate is of the inventory's own CA.
        context = browser.new_context(ignore_https_errors=True, http_credentials=login)  # type: ignore[arg-type]
        page = context.new_page()
        page.set_viewport_size({"width": 1280, "height": 900})
        for language, name in PAGES.items():
            page.goto(f"{options.url}/consoles/{name}")
            page.locator("#range").select_option(HOUR)
            page.wait_for_load_state("networkidle")
            height = page.locator("h2").nth(2).bounding_box()["y"]  # type: ignore[index]
            picture = DOCS / language / "images/console.png"
            page.screenshot(path=picture, full_page=True, clip={"x": 0, "y": 0, "width": 1280, "height": height - 8})
        browser.close()


if __name__ == "__main__":
    main()
