"""The content of the report, and its self-contained page."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inferfleet.components import answer_results
from inferfleet.files import write_atomic
from inferfleet.inventory.read import read_inventory
from inferfleet.messages import Message, Problem
from inferfleet.planner import plan_cluster
from inferfleet.report import make_content, render
from inferfleet.report.content import fabric_matrix, memory_parts
from inferfleet.report.docker import status_message
from inferfleet.report.labels import LABELS
from inferfleet.report.page import text
from inferfleet.report.results import load_result, newest_runs, save_result
from inferfleet.supervisor.settings import replica_name

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 5, 4, 3, 2, tzinfo=UTC)
PAGE = ROOT / "src/inferfleet/report/page.html.j2"
NODE = {
    "answers": True,
    "facts": {
        "distribution": {"id": "ubuntu", "version_id": "22.04"},
        "architecture": "x86_64",
        "cpu_count": 128,
        "memory_bytes": 2 << 40,
    },
    "accelerators": {
        "driver_version": "550.54.15",
        "accelerators": [{"name": "NVIDIA A800", "memory_mib": 81920, "memory_used_mib": 70000}] * 8,
        "problems": [
            Message(
                "ecc-errors", "Accelerator {index} has {count} uncorrectable memory errors.", index=3, count=2
            ).as_dict(),
            {"code": "x", "message": "GPU 3 fell off the bus."},
        ],
    },
    "weights": {"complete": False, "wrong": ["model-7.safetensors"], "digest": "ab" * 32, "bytes": 7, "about": {}},
    "images": [{"names": ["<b>image</b>"], "digests": [], "id": "sha256:12"}],
    "containers": [{"name": "inferfleet-engine", "image": "i", "status": "Exited (137)"}],
}


@pytest.fixture
def plans():
    made = plan_cluster(read_inventory(str(ROOT / "inventories" / "two_models")), {}).plans
    return [plan.as_dict() for plan in made]


@pytest.fixture
def results(tmp_path, plans):
    """Results of the first service: verification, bandwidth matrix, benchmark with a plot, evaluation."""
    save_result(tmp_path, "verify", plans[0], answer_results([{"seconds": 0.5}], [], {"seconds": 2}, "vllm", True))
    pairs = [{"from": "h20-01", "to": "h20-02", "gbps": 180.0}, {"from": "h20-02", "to": "h20-01", "gbps": 90.0}]
    save_result(tmp_path, "fabric", plans[0], {"pairs": pairs, "problems": ["h20-02 is slow."]})
    latency = {"mean": 1.0, "median": 1.5, "p99": 9.0}
    measured = {
        **{"concurrency": 4, "request_throughput": 2.0, "output_throughput": 1234.0, "total_token_throughput": 2345.0},
        **{"ttft_ms": latency, "tpot_ms": latency, "e2el_ms": latency, "failed": 0, "num_prompts": 16},
    }
    bench = {
        **{"schema": 1, "plan": plans[0], "started": "2026-05-04T01:00:00Z", "measurements": [measured]},
        "sweep": {"preset": "latency", "input_len": 128, "output_len": 64},
    }
    folder = tmp_path / "bench/20260504T010000Z"
    folder.mkdir(parents=True)
    (folder / "bench.json").write_text(json.dumps(bench))
    (folder / "throughput.svg").write_text("<svg/>")
    data = {"name": "aime24", "title": "AIME 2024", "questions": 30, "failed": 0, "score": 78.4, "margin": 14.0}
    evaluation = {
        **{"schema": 1, "plan": {"service": "r1"}, "ended": "2026-05-04T02:00:00Z", "versions": {"evalscope": "1"}},
        "reference": {"name": "deepseek-r1", "within": 3.0},
        "datasets": [data | {"comparison": {"score": 79.8, "difference": -1.4, "holds": True}}],
    }
    folder = tmp_path / "evaluate/20260504T020000Z"
    folder.mkdir(parents=True)
    (folder / "evaluation.json").write_text(json.dumps(evaluation))
    return tmp_path


@pytest.fixture
def content(plans, results):
    nodes = {"h20-01": NODE, "a800-01": NODE, "w1": {**NODE, "weights": {}}}
    return make_content(inventory="<fleet>", plans=plans, nodes=nodes, results=results, now=NOW)


def test_memory_parts_add_up_to_the_total(plans):
    parts = memory_parts(plans[0]["budget"])
    assert [part.name for part in parts] == ["weights", "activation", "overhead", "kv_cache", "free"]
    assert sum(part.share for part in parts) == pytest.approx(1)
    assert sum(part.gib for part in parts) == pytest.approx(plans[0]["budget"]["total_bytes"] / 2**30)
    assert memory_parts({}) == []


def test_fabric_matrix_is_relative_to_the_fastest_pair():
    matrix = fabric_matrix([{"from": "a", "to": "b", "gbps": 50}, {"from": "b", "to": "a", "gbps": 100}])
    assert (matrix["a"]["b"].heat, matrix["b"]["a"].heat) == (0.5, 1)


def test_each_service_has_its_own_results(content):
    r1, distill = content.services
    assert (r1.name, r1.works, len(r1.benches), len(r1.evaluations)) == ("r1", True, 1, 1)
    assert (distill.name, distill.works, distill.benches, distill.evaluations) == ("distill", None, [], [])
    assert list(content.others) == ["w1"]


def test_warnings_list_current_node_problems(content):
    assert [str(warning) for warning in content.services[0].warnings[-4:]] == [
        "h20-02 did not answer when the report was generated.",
        "h20-01: Accelerator 3 has 2 uncorrectable memory errors.",
        "h20-01: GPU 3 fell off the bus.",
        "h20-01: the weights do not match their manifest: model-7.safetensors.",
    ]


def test_failed_verification_is_shown(plans, tmp_path):
    save_result(tmp_path, "verify", plans[0], [{"name": "API responds", "ok": False, "detail": "no"}])
    content = make_content(inventory="x", plans=plans, nodes={}, results=tmp_path, now=NOW)
    assert content.services[0].works is False
    assert "did not answer" in render(content)


def test_page_loads_no_external_resource(content):
    page = render(content)
    assert re.findall(r"""(?:src|href)=["'](?!data:)""", page) == []
    assert "@import" not in page
    assert "url(" not in page
    assert "data:image/svg+xml;base64,PHN2Zy8+" in page


def test_external_text_is_escaped(content):
    page = render(content)
    assert "<fleet>" not in page
    assert "&lt;fleet&gt;" in page
    assert "<b>image" not in page


def test_page_shows_results(content):
    page = render(content)
    for shown in ("180", "1,234", "78.4 %", "79.8 %", "h20-02 is slow.", "Exited (137)", "AIME 2024", "550.54.15"):
        assert shown in page, shown


def test_messages_are_shown_in_both_languages(content):
    page = render(content)
    assert (
        '<span lang="en">Service r1: 61 layers cannot be divided evenly into 2 pipeline stages (split 31 + 30):'
        ' the largest stage is the bottleneck.</span><span lang="zh">服务 r1：61 层无法均分到 2 个流水线 stage（'
    ) in page
    both = (
        ("h20-02 did not answer when the report was generated.", "h20-02 在生成本报告时没有应答。"),
        ("API responds", "API 应答"),
        ("1 of 1 questions as expected, first in 0.5 s", "1 / 1 个问题回答符合预期，首个用时 0.5 s"),
        ("h20-01: Accelerator 3 has 2 uncorrectable memory errors.", "h20-01：加速卡 3 有 2 个不可纠正的显存错误。"),
        ("bfloat16: the data type the model was trained with", "bfloat16：模型训练所用的数据类型"),
        ("Exited (137)", "已退出（137）"),
    )
    for english, chinese in both:
        assert f'<span lang="en">{english}</span><span lang="zh">{chinese}</span>' in page


def test_text_without_translation_is_marked_as_english(content):
    page = render(content)
    assert '<bdi lang="en">h20-02 is slow.</bdi>' in page
    assert '<span lang="en">h20-02 is slow.' not in page


def test_results_of_earlier_versions_are_shown(plans, tmp_path):
    saved = [
        {"name": "API responds", "ok": True, "detail": "1 of {1}"},
        {"name": "Ray", "ok": True, "detail": "2 of 2"},
    ]
    save_result(tmp_path, "verify", plans[0], saved)
    page = render(make_content(inventory="x", plans=plans, nodes={}, results=tmp_path, now=NOW))
    assert '<span lang="en">API responds</span><span lang="zh">API 应答</span>' in page
    assert '<bdi lang="en">1 of {1}</bdi>' in page


def test_message_parameters_are_escaped_in_both_languages():
    message = Message("", "`{tool}` exited with code {status}: {output}.", tool="<a>", status=3, output="<b>")
    assert text(message) == (
        '<span lang="en"><code>&lt;a&gt;</code> exited with code 3: &lt;b&gt;.</span>'
        '<span lang="zh"><code>&lt;a&gt;</code> 以退出码 3 结束：&lt;b&gt;。</span>'
    )


def test_problem_is_shown_with_remedy():
    problem = Problem("x", "MIG is enabled on accelerator {index}.", "Untranslated {host}.", index=1, host="n1")
    assert text(problem.as_dict()) == (
        '<span lang="en">MIG is enabled on accelerator 1. Untranslated n1.</span>'
        '<span lang="zh">加速卡 1 已启用 MIG。Untranslated n1.</span>'
    )


@pytest.mark.parametrize(
    ("status", "chinese"),
    [
        ("Up 3 hours (healthy)", "已运行 3 小时（健康）"),
        ("Up 2 days", "已运行 2 天"),
        ("Up Less than a second", "已运行不到 1 秒"),
        ("Exited (137) About a minute ago", "已退出（137），约 1 分钟前"),
        ("Exited (137)", "已退出（137）"),
        ("Restarting (1) 5 seconds ago", "正在重启（1），5 秒前"),
        ("Created", "已创建"),
        ("Up 3 lightyears", "已运行 3 lightyears"),
        ("Removal In Progress", "Removal In Progress"),
    ],
)
def test_container_status_is_translated(status, chinese):
    message = status_message(status)
    assert (message.render("en"), message.render("zh")) == (status, chinese)


def test_every_label_is_used():
    template = PAGE.read_text()
    named = set(re.findall(r"\bt\('(\w+)'", template)) | set(re.findall(r"'(\w+)' if [\w.]+ else '\w+'", template))
    named |= set(re.findall(r"if [\w.]+ else '(\w+)'", template))
    by_value = {"head", "worker", "weights", "activation", "overhead", "kv_cache", "free"}
    assert set(LABELS) - named - by_value == set()


def test_report_replaces_the_previous_one(content, tmp_path):
    path = tmp_path / "deep" / "report.html"
    for page in ("before", render(content)):
        write_atomic(path, page)
    assert path.read_text() == render(content)
    assert list(path.parent.iterdir()) == [path]


def test_results_are_stored_by_service(plans, tmp_path):
    save_result(tmp_path, "verify", plans[0], ["one"])
    save_result(tmp_path, "verify", {"service": ""}, ["two"])
    assert load_result(tmp_path, "verify", "r1")["data"] == ["one"]
    assert load_result(tmp_path, "verify", "")["data"] == ["two"]
    assert load_result(tmp_path, "verify", "distill") == {}


@pytest.mark.parametrize("text", ["", "[]", '{"schema": 99, "plan": {}}', "{"])
def test_invalid_result_files_are_ignored(tmp_path, text):
    folder = tmp_path / "bench/1"
    folder.mkdir(parents=True)
    (folder / "bench.json").write_text(text)
    assert newest_runs(tmp_path, "bench", "bench.json", "") == []


def test_page_shows_the_last_day(plans, tmp_path):
    measures = {
        **{"availability": 0.9987, "hours": 24, "requests": 12345, "generated": 67890, "busiest": 321},
        **{"ttft_p50": 0.111, "ttft_p95": 0.222},
    }
    day = {
        "data": {
            "result": [
                {"metric": {"replica": replica_name(plans[0]), "measure": name}, "value": [0, str(value)]}
                for name, value in measures.items()
            ]
        }
    }
    content = make_content(inventory="x", plans=plans, nodes={}, results=tmp_path, now=NOW, day=day)
    assert [bool(service.day) for service in content.services] == [True, False]
    page = render(content)
    for shown in ("99.87 %", "12,345", "67,890", "321", "111 <small>222</small>"):
        assert shown in page, shown
