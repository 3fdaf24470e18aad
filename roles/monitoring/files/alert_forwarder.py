"""Send Alertmanager's notifications to robots of chat groups, which expect messages of their own form.

Alertmanager posts to /NUMBER, the place of the robot in the settings. If the robot does not accept the message, the
answer is 502, and Alertmanager sends it again. Forms: developer.work.weixin.qq.com/document/path/91770 (WeCom),
open.dingtalk.com/document/orgapp/custom-robot-access (DingTalk), and
open.feishu.cn/document/client-docs/bot-v3/add-custom-bot (Feishu).

Argument: a JSON file with `port`, `robots` (`kind`, `url`, optionally `secret`) and `words` for the state of an alert.
"""

import base64
import hashlib
import hmac
import json
import sys
import time
import urllib.parse
import urllib.request
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_SECONDS = 10
_KEY_CHARACTERS = 8  # shorter parts of a URL are no keys
_BODY_BYTES = 8 << 20
_TEXT_BYTES = 4000  # WeCom accepts 4096, DingTalk and Feishu 20000
_LABELS = ("node", "replica", "member", "job", "proxy", "gpu", "mountpoint")


def text_of(notification, words):
    """Return a notification of Alertmanager as text in Markdown, cut to what all robots accept.

    Alerts of one kind, for example of many nodes, have their texts once, after their places.
    """
    kinds = {}
    for alert in notification["alerts"]:
        kinds.setdefault((words[alert["status"]], _title(alert), _explanation(alert)), []).append(_place(alert))
    parts = []
    for (state, title, explanation), places in kinds.items():
        parts += [f"**[{state}] {title}**", *filter(None, places), *explanation]
    content = "\n\n".join(parts).encode()
    return content if len(content) <= _TEXT_BYTES else content[:_TEXT_BYTES].decode(errors="ignore").encode() + b" ..."


def _title(alert):
    return alert["annotations"].get("summary") or alert["labels"]["alertname"]


def _place(alert):
    return ", ".join(f"{name} {alert['labels'][name]}" for name in _LABELS if alert["labels"].get(name))


def _explanation(alert):
    texts = alert["annotations"] if alert["status"] == "firing" else {}
    return tuple(texts[name] for name in ("cause", "check", "remedy") if texts.get(name))


def request_of(robot, text, title, now):
    """Return URL and content of the request to a robot at a time (seconds since 1970)."""
    kind, url, secret = robot["kind"], robot["url"], robot.get("secret", "")
    if kind == "wecom":
        return url, {"msgtype": "markdown", "markdown": {"content": text}}
    if kind == "dingtalk":
        if secret:
            moment = str(int(now * 1000))
            sign = _sign(secret.encode(), f"{moment}\n{secret}".encode())
            url += f"&timestamp={moment}&sign={urllib.parse.quote_plus(sign)}"
        return url, {"msgtype": "markdown", "markdown": {"title": title, "text": text}}
    content = {"msg_type": "text", "content": {"text": text.replace("**", "")}}
    if secret:
        moment = str(int(now))
        content.update({"timestamp": moment, "sign": _sign(f"{moment}\n{secret}".encode(), b"")})
    return url, content


def accepts(answer):
    """Return whether a robot accepted a message: they answer errors with status 200 and a code, too."""
    return isinstance(answer, dict) and answer.get("errcode", answer.get("code", 0)) == 0


def _sign(key, message):
    return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


def send(robot, notification, words):
    """Send a notification to a robot; raises OSError or ValueError if it is not accepted."""
    text = text_of(notification, words).decode()
    url, content = request_of(robot, text, text.split("\n", 1)[0].strip("*"), time.time())
    request = urllib.request.Request(url, json.dumps(content).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=_SECONDS) as response:
        answer = json.load(response)
    if not accepts(answer):
        raise ValueError(f"{robot['kind']} answers {answer}")


def reason_of(robot, error):
    """Return the text of an error without the robot's key, which is in the query or at the end of the path."""
    text, url = str(error) or type(error).__name__, urllib.parse.urlsplit(robot["url"])
    for part in (url.query, url.path.rpartition("/")[2], robot.get("secret", "")):
        text = text.replace(part, "<hidden>") if len(part) >= _KEY_CHARACTERS else text
    return text


def handler_of(settings):
    """Return the class that handles requests."""

    class Handler(BaseHTTPRequestHandler):
        timeout = _SECONDS

        def do_POST(self):
            number, length = self.path.lstrip("/"), int(self.headers.get("Content-Length") or 0)
            if not number.isdigit() or int(number) >= len(settings["robots"]) or length > _BODY_BYTES:
                return self.answer(404)
            robot = settings["robots"][int(number)]
            try:
                send(robot, json.loads(self.rfile.read(length)), settings["words"])
            except (OSError, ValueError, KeyError, TypeError, AttributeError, HTTPException) as error:
                print(f"Robot {number}: {reason_of(robot, error)}", flush=True)
                return self.answer(502)
            return self.answer(200)

        def answer(self, status):
            self.send_response_only(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    return Handler


def main():
    """Serve on loopback until the process ends."""
    settings = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    ThreadingHTTPServer(("127.0.0.1", settings["port"]), handler_of(settings)).serve_forever()


if __name__ == "__main__":
    main()
