"""Messages between supervisors on loopback: what the leader rejects, and what a member rejects."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from inferfleet_supervisor.exchange import Answer, request
from inferfleet_supervisor.messages import BODY_LIMIT, NONCE, REPORT_PATH, Token, request_headers
from inferfleet_supervisor.peers import Client, RejectedError, Server


class Leader:
    """A leader on loopback, and the messages it accepted."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.accepted, self.port = folder, list[Mapping[str, Any]](), 0

    def token(self, name: str, value: str = "secret") -> Token:
        (self.folder / name).write_text(value)
        return Token(str(self.folder / name))

    def client(self, value: str = "secret") -> Client:
        return Client("n2", "127.0.0.1", self.port, self.token(f"of-{value}", value))

    def handle(self, data: Mapping[str, Any]) -> dict[str, Any]:
        self.accepted.append(data)
        return {"generation": 3}

    async def post(self, body: bytes, headers: Mapping[str, str], path: str = REPORT_PATH) -> Answer:
        return await request("127.0.0.1", self.port, "POST", path, body, headers)

    def run(self, scenario: Any) -> None:
        async def started() -> None:
            server = Server(self.token("leader"), {REPORT_PATH: self.handle}, lambda: {"state": "up"}, lambda: "up 1\n")
            async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
                self.port = listening.sockets[0].getsockname()[1]
                await scenario(self)

        asyncio.run(started())


@pytest.fixture
def leader(tmp_path: Path) -> Leader:
    return Leader(tmp_path)


def test_report_is_answered(leader: Leader) -> None:
    async def scenario(leader: Leader) -> None:
        client = leader.client()
        assert await client.send(REPORT_PATH, {"x": 1}) == {"generation": 3}
        assert await client.send(REPORT_PATH, {"x": 2}) == {"generation": 3}

    leader.run(scenario)
    assert [(data["x"], data["node"]) for data in leader.accepted] == [(1, "n2"), (2, "n2")]


def test_wrong_token_is_rejected(leader: Leader) -> None:
    async def scenario(leader: Leader) -> None:
        with pytest.raises(RejectedError, match="401"):
            await leader.client("other").send(REPORT_PATH, {})
        with pytest.raises(RejectedError, match="401"):
            await leader.client("").send(REPORT_PATH, {})  # an empty token authenticates nobody

    leader.run(scenario)
    assert leader.accepted == []


def test_replayed_and_altered_messages_are_rejected(leader: Leader) -> None:
    async def scenario(leader: Leader) -> None:
        client = leader.client()
        await client.send(REPORT_PATH, {})
        body = json.dumps({"node": "n2", "challenge": client.challenge, "data": {"x": 1}}).encode()
        headers = request_headers(b"secret", "POST", REPORT_PATH, body)
        assert (await leader.post(body, headers)).status == 200
        assert (await leader.post(body, headers)).status == 409
        assert (await leader.post(body.replace(b"1", b"2"), headers)).status == 401
        assert (await leader.post(body, {**headers, NONCE: "0"})).status == 401
        assert await client.send(REPORT_PATH, {"x": 3}) == {"generation": 3}  # the replay locks nobody out

    leader.run(scenario)
    assert [data.get("x") for data in leader.accepted] == [None, 1, 3]


def test_oversize_and_malformed_messages_are_rejected(leader: Leader) -> None:
    async def scenario(leader: Leader) -> None:
        long = b"x" * (BODY_LIMIT + 1)
        reader, writer = await asyncio.open_connection("127.0.0.1", leader.port)
        writer.write(f"POST {REPORT_PATH} HTTP/1.0\r\nContent-Length: {len(long)}\r\n\r\n".encode())
        assert b" 413 " in await reader.readline()
        writer.close()
        for body in (b"", b"[]", b"{", b'{"node": "n2"}', b"\xff", b'{"node": 1, "challenge": 2, "data": 3}'):
            headers = request_headers(b"secret", "POST", REPORT_PATH, body)
            assert (await leader.post(body, headers)).status in (400, 409)
        for text in (
            b"\r\n\r\n",
            b"GET\r\n\r\n",
            b"\x16\x03\x01\r\n\r\n",
            b"POST / HTTP/1.0\r\nContent-Length: -1\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", leader.port)
            writer.write(text)
            assert await reader.read() == b""
            writer.close()
        assert (await request("127.0.0.1", leader.port, "GET", "/v1/health")).body == b'{"state": "up"}'

    leader.run(scenario)
    assert leader.accepted == []


def test_answer_of_another_leader_is_rejected(tmp_path: Path) -> None:
    async def scenario(leader: Leader) -> None:
        client = leader.client()

        async def forge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b'HTTP/1.0 200 OK\r\nx-inferfleet-signature: 00\r\n\r\n{"data": {"generation": 9}}')
            writer.close()

        async with await asyncio.start_server(forge, "127.0.0.1", 0) as listening:
            client.port = listening.sockets[0].getsockname()[1]
            with pytest.raises(RejectedError, match="not signed"):
                await client.send(REPORT_PATH, {})

    Leader(tmp_path).run(scenario)
