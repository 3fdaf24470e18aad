"""Open WebUI in a real browser, as a user sees it: the tests run in this order, in one window."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import docker
import httpx
import pytest
from lab.config import load
from lab.tiny_r1.questions import load_questions
from lab_cluster import CHROMIUM, INVENTORY, ROOT, Controller, Lab, secrets, trusted
from lab_cluster import WEBUI as PAGE
from playwright.sync_api import Page, expect, sync_playwright

pytestmark = pytest.mark.lab

EMAIL = "admin@example.com"
MODEL = "tiny-r1"
QUESTION = next(entry for entry in load_questions() if "SHA-256" in entry.answer)
ARTIFACTS = ROOT / ".cache" / "inferfleet" / "artifacts" / "webui"
WAIT = 60_000  # milliseconds: an answer on two busy cores


@pytest.fixture(scope="module", autouse=True)
def served(controller: Controller) -> None:
    """The existing deployment, or a new one if none answers."""
    try:
        healthy = (ROOT / INVENTORY / ".secrets").is_dir() and httpx.get(
            f"{PAGE}/health", timeout=10, verify=trusted()
        ).status_code == 200
    except (httpx.HTTPError, OSError):  # OSError: no CA
        healthy = False
    if not healthy:
        up = controller.inferfleet("up", timeout=1800)
        assert up.rc == 0, up


@pytest.fixture(scope="module")
def requested() -> list[str]:
    """The URLs that the browser has requested."""
    return []


@pytest.fixture(scope="module")
def sockets() -> list[str]:
    """The URLs of the web sockets that the browser has opened."""
    return []


@pytest.fixture(scope="module")
def window(requested: list[str], sockets: list[str]) -> Iterator[Page]:
    """A browser window with English locale."""
    assert Path(CHROMIUM).exists(), f"There is no {CHROMIUM}; `make browser` installs it."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        # Chromium trusts the CAs of the system and its profile only; the requests of httpx verify the certificate.
        context = browser.new_context(viewport={"width": 1024, "height": 560}, locale="en-US", ignore_https_errors=True)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        page.on("request", lambda request: requested.append(request.url))
        page.on("websocket", lambda socket: sockets.append(socket.url))
        yield page
        browser.close()


def screenshot(window: Page, name: str) -> None:
    """Save a screenshot of the window."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    window.screenshot(path=ARTIFACTS / f"{name}.png", animations="disabled")


def chats() -> int:
    """Return the number of completions that the web UI has requested; the gateway's own checks are not its."""
    log = Lab(docker.from_env(), load()).ssh("node1", "journalctl --unit inferfleet-gateway --output cat")
    requests = [json.loads(line) for line in log.splitlines() if line.startswith('{"client_address"')]
    path = "/v1/chat/completions"
    return sum(request["client"] == "open-webui" and request["path"] == path for request in requests)


def sign_in(window: Page, password: str) -> None:
    window.fill("#email", EMAIL)
    window.fill("#password", password)
    window.click("button[type=submit]")


def test_sign_up_is_disabled(window: Page) -> None:
    window.goto(PAGE)
    expect(window.locator("#email")).to_be_visible()
    screenshot(window, "1-sign-in")
    # The inventory's language, whatever the browser's.
    expect(window.locator("button[type=submit]")).to_have_text("登录")
    expect(window.get_by_text(re.compile("注册|Sign up"))).to_have_count(0)
    account = {"name": "Guest", "email": "guest@example.com", "password": "guest-password"}
    assert httpx.post(f"{PAGE}/api/v1/auths/signup", json=account, timeout=30, verify=trusted()).status_code == 403


def test_wrong_password_is_rejected(window: Page) -> None:
    sign_in(window, "not-the-password")
    expect(window.get_by_text("The email or password provided is incorrect.")).to_be_visible()
    screenshot(window, "2-wrong-password")
    expect(window.locator("#email")).to_be_visible()


def test_model_is_listed(window: Page) -> None:
    sign_in(window, secrets()["webui_admin_password"])
    expect(window.locator("#model-selector-model-button")).to_have_text(re.compile(MODEL))
    expect(window.get_by_role("dialog")).to_have_count(0)
    expect(window.get_by_text("已登录。")).to_be_hidden()
    screenshot(window, "3-model")


def test_answer_is_correct_and_reasoning_is_collapsed(window: Page) -> None:
    before = chats()
    window.click("#chat-input")
    window.keyboard.type(QUESTION.question)
    window.click("#send-message-button")
    answer = window.locator(".chat-assistant")
    thinking = answer.locator("button[aria-expanded]")
    expect(answer.locator("p")).to_have_text(QUESTION.answer)
    expect(thinking).to_have_attribute("aria-expanded", "false")
    expect(thinking).to_contain_text("思考")
    expect(window.get_by_text(QUESTION.reasoning)).to_have_count(0)
    window.wait_for_timeout(3000)  # for requests that the page sends after an answer
    screenshot(window, "4-answer")
    thinking.click()
    expect(window.get_by_text(QUESTION.reasoning)).to_be_visible()
    screenshot(window, "5-thinking")
    assert chats() - before == 1, "only the user sent a request to the model"


def test_sign_out(window: Page) -> None:
    window.get_by_role("button", name="用户菜单").click()
    screenshot(window, "6-menu")
    window.get_by_role("menuitem", name="登出").click()
    expect(window.locator("#email")).to_be_visible()
    window.goto(PAGE)
    expect(window.locator("#email")).to_be_visible()


def test_answers_arrived_over_a_web_socket_with_tls(sockets: list[str]) -> None:
    assert {url.split("?")[0] for url in sockets} == {f"{PAGE.replace('https', 'wss')}/ws/socket.io/"}


def test_port_without_tls_is_closed_for_browsers() -> None:
    """This machine is admitted by the inventory (`firewall_allowed_networks`), so the rule is checked on the node."""
    rules = Lab(docker.from_env(), load()).ssh("node1", "nft list set inet inferfleet tcp_ports")
    assert re.search(r"\b3000\b", rules), rules


def test_page_sends_requests_to_no_other_host(requested: list[str]) -> None:
    assert {url for url in requested if not url.startswith((f"{PAGE}/", "data:", "blob:"))} == set()
