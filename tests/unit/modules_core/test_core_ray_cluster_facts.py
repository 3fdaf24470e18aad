"""ray_cluster_facts against a small server with Ray's state API."""

import pytest

HEAD = {"node_id": "a", "node_ip": "10.0.0.1", "state": "ALIVE", "is_head_node": True, "resources_total": {"GPU": 8.0}}
WORKER = {**HEAD, "node_id": "b", "node_ip": "10.0.0.2", "is_head_node": False}
ACTORS = [
    {"class_name": "RayWorkerWrapper", "node_id": "b", "state": "ALIVE"},
    {"class_name": "Gone", "node_id": "b", "state": "DEAD"},
    {"class_name": "Elsewhere", "node_id": "z", "state": "ALIVE"},
]


def listing(entries):
    return 200, {"result": True, "msg": "", "data": {"result": {"result": entries}}}


@pytest.fixture(scope="module")
def ray(load):
    return load("ray_cluster_facts")


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_text("t0ken\n")
    return str(path)


def test_describe_lists_live_nodes_with_the_head_first(ray):
    dead = {**WORKER, "node_id": "c", "node_ip": "10.0.0.3", "state": "DEAD"}
    assert ray.describe([dead, WORKER, HEAD], ACTORS) == [
        {"address": "10.0.0.1", "accelerators": 8, "actors": []},
        {"address": "10.0.0.2", "accelerators": 8, "actors": ["RayWorkerWrapper"]},
    ]


@pytest.mark.parametrize("resources", [None, {}, {"CPU": 4.0}])
def test_describe_without_accelerators(ray, resources):
    assert ray.describe([{**HEAD, "resources_total": resources}], [])[0]["accelerators"] == 0


def node(address, accelerators=1):
    return {"address": address, "accelerators": accelerators, "actors": []}


@pytest.mark.parametrize(
    ("found", "wanted", "accelerators", "expected"),
    [
        ([node("a"), node("b")], ["a", "b"], 2, (True, "2 of 2 nodes, 2 of 2 accelerators")),
        (
            [node("a")],
            ["a", "b", "c"],
            3,
            (
                False,
                "1 of 3 nodes, 1 of 3 accelerators; missing: b, c (see `docker logs inferfleet-ray` there)",
            ),
        ),
        ([node("a"), node("b", 0)], ["a", "b"], 2, (False, "2 of 2 nodes, 1 of 2 accelerators")),
        (
            [node("a"), node("z")],
            ["a"],
            2,
            (
                False,
                "2 of 1 nodes, 2 of 2 accelerators; not in this inventory: z (run `docker rm -f inferfleet-ray"
                " inferfleet-engine` there)",
            ),
        ),
        ([node("a", 2)], ["a"], 1, (False, "1 of 1 nodes, 2 of 1 accelerators")),
    ],
)
def test_status(ray, found, wanted, accelerators, expected):
    ready, message = ray.status(found, wanted, accelerators)
    assert (ready, str(message)) == expected


@pytest.mark.parametrize(("wanted", "unknown"), [(["a", "b"], []), (["b"], ["a"]), ([], [])])
def test_live_nodes_outside_the_plan(ray, wanted, unknown):
    assert ray.unknown_nodes([node("a")], wanted) == unknown


def test_listing_sends_the_token(ray, service):
    service.answers["/api/v0/nodes"] = listing([HEAD])
    assert ray.listing(f"{service.url}/api/v0/nodes?detail=1", "t0ken") == [HEAD]
    assert service.requests == [{"path": "/api/v0/nodes?detail=1", "token": "Bearer t0ken", "body": None}]


def test_listing_raises_rays_error(ray, service):
    service.answers["/api/v0/nodes"] = 200, {"result": False, "msg": "GCS is down"}
    with pytest.raises(ValueError, match="GCS is down"):
        ray.listing(f"{service.url}/api/v0/nodes", "")


def test_complete_cluster(run_module, service, token_file):
    service.answers = {"/api/v0/nodes": listing([WORKER, HEAD]), "/api/v0/actors": listing(ACTORS)}
    result = run_module(
        "ray_cluster_facts", url=service.url, token_file=token_file, nodes=["10.0.0.1", "10.0.0.2"], accelerators=16
    )
    assert result["ready"] is True
    assert result["msg"] == "2 of 2 nodes, 16 of 16 accelerators"
    assert result["problems"] == []
    assert [n["address"] for n in result["nodes"]] == ["10.0.0.1", "10.0.0.2"]


@pytest.mark.parametrize(
    ("status", "answer", "text"),
    [
        (403, {}, "The Ray head node returned status 403 (Forbidden) at {url}"),
        (200, None, "The Ray head node is unreachable at {url}: the connection was interrupted (RemoteDisconnected)"),
        (200, b"<html>", "the service at {url} is not Ray's state API: JSONDecodeError("),
        (200, {"status": "ok"}, "the service at {url} is not Ray's state API: KeyError('result')"),
        (200, ["ok"], "the service at {url} is not Ray's state API: TypeError("),
        (200, {"result": True, "data": None}, "the service at {url} is not Ray's state API: TypeError("),
    ],
)
def test_invalid_response_is_not_ready(run_module, service, token_file, status, answer, text):
    service.answers["/api/v0/nodes"] = status, answer
    result = run_module("ray_cluster_facts", url=service.url, token_file=token_file)
    assert result["ready"] is False
    assert result["nodes"] == []
    assert result["progress"]["text"]["message"].startswith(text.format(url=service.url))


def test_missing_token_is_not_ready(run_module, tmp_path):
    result = run_module("ray_cluster_facts", token_file=str(tmp_path / "none"))
    assert result["ready"] is False
    assert "No such file or directory" in result["progress"]["text"]["message"]
