"""Check the settings that not every engine, model or layout supports."""

from inferfleet.catalog import Checkpoint, Model
from inferfleet.components import load_component
from inferfleet.engines import Mode
from inferfleet.engines.parsers import tool_call_parser
from inferfleet.messages import N_, Message
from inferfleet.planner.choose import EngineChoice
from inferfleet.planner.divided_cache import cache_kind
from inferfleet.planner.fit import Sizing
from inferfleet.planner.flags import flags_of
from inferfleet.planner.fleet import Fleet
from inferfleet.planner.refusals import (
    BadValue,
    ExecutorUnsupported,
    FlagManaged,
    FlagUnsupported,
    ImageArchitecture,
    PortClash,
    Refusal,
    Remedy,
    SpeculationUnsupported,
    ToolCallsUnsupported,
)
from inferfleet.settings import Settings

OPTIONAL = (
    "kv_cache_dtype",
    "enable_expert_parallel",
    "data_parallel_size",
    "enable_prefix_caching",
    "enable_auto_tool_choice",
    "max_num_batched_tokens",
    "num_speculative_tokens",
    "enforce_eager",
    "decode_context_parallel_size",
    "performance_mode",
)
"""Settings that not every engine has an option for; engine.yml lists those it has."""
NONE = {"num_speculative_tokens": 0}
"""Values that leave an option out, where that is not the default."""
UNCHUNKED_TOKENS = 32768
"""Longest context for which vLLM's V0 engine does not divide prompts by default (arg_utils.py)."""
_RAY_ENV = ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")  # roles/inference_engine/vars
_HIDES_ACCELERATORS = "_VISIBLE_DEVICES"  # CUDA_, NVIDIA_, HIP_, ROCR_, ASCEND_RT_ …
_ARM = ("aarch64", "arm64")
_TAG_ENDINGS = {"aarch64": ("_arm", "-arm", "_arm64", "-arm64", "-aarch64"), "x86_64": ("-amd64", "-x86_64", "_x86_64")}


def setting_problems(settings: Settings, choice: EngineChoice) -> list[Refusal]:
    """Return the problems of settings for which the engine's command line has no option."""
    problems: list[Refusal] = []
    for key in OPTIONAL:
        value, default = getattr(settings, key), NONE.get(key, Settings.model_fields[key].default)
        if value != default and key not in choice.engine.settings:
            problems.append(
                FlagUnsupported(
                    N_("Variable {key} is {value}, but inferfleet has no matching option for {engine}."),
                    N_("Set {key} to {default}."),
                    {key: default},
                    key=key,
                    value=str(value).lower(),
                    engine=choice.engine.title,
                    default=str(default).lower(),
                )
            )
    return problems


def batch_problems(settings: Settings, choice: EngineChoice, sizing: Sizing) -> list[Refusal]:
    """Return the problem of a batch that is too small for the sequences, or for a prompt that cannot be divided."""
    tokens, limits = settings.max_num_batched_tokens, sizing.limits
    if not tokens or not choice.engine.batch_limit:
        return []
    least, name = limits.max_num_seqs, "max_num_seqs"
    if not choice.version.chunked_prefill and limits.max_model_len <= UNCHUNKED_TOKENS:
        least, name = max((least, name), (limits.max_model_len, "max_model_len"))
    if tokens >= least:
        return []
    return [
        BadValue(
            N_("Variable max_num_batched_tokens is {tokens}, but {engine} requires at least {name}, which is {least}."),
            N_("Set max_num_batched_tokens to at least {least}, or {name} to at most {tokens}."),
            {"max_num_batched_tokens": least},
            tokens=tokens,
            engine=choice.engine.title,
            name=name,
            least=least,
        )
    ]


def port_problems(settings: Settings, choice: EngineChoice, fleet: Fleet) -> list[Refusal]:
    """Return the problem of an API port on which the engine listens for the other nodes."""
    engine, port = choice.engine, settings.engine_port
    used = [
        peers.ports
        for peers in engine.peer_ports
        if peers.nodes != "workers" and peers.used(settings.executor, settings.data_parallel_size)
    ]
    if len(fleet.nodes) == 1 or not any(ports[0] <= port <= ports[-1] for ports in used):
        return []
    return [
        PortClash(
            N_("Variable engine_port is {port}, but {engine} uses this port of the head node between the nodes."),
            N_("Set engine_port to another port, for example {default}."),
            {"engine_port": engine.port},
            port=port,
            engine=engine.title,
            default=engine.port,
        )
    ]


def environment_problems(settings: Settings, choice: EngineChoice) -> list[Refusal]:
    """Return the problems of variables in engine_extra_env that would override secrets or hide accelerators."""
    key, env = choice.engine.api_key_env, settings.engine_extra_env
    refused = [name for name in env if name == key or name in _RAY_ENV or name.endswith(_HIDES_ACCELERATORS)]
    change = {"engine_extra_env": {name: value for name, value in env.items() if name not in refused}}
    problems: list[Refusal] = []
    for name in refused:
        template = N_("Variable engine_extra_env has {name}, which inferfleet sets itself.")
        remedy = N_("Remove {name} from engine_extra_env.")
        if name == key:
            remedy = N_("Set engine_api_key instead, and remove {name} from engine_extra_env.")
        elif name.endswith(_HIDES_ACCELERATORS):
            template = N_("Variable engine_extra_env has {name}, which hides accelerators that the plan uses.")
            remedy = N_("Remove {name}, and set accelerators_per_node to use fewer accelerators.")
        problems.append(FlagManaged(template, remedy, change, name=name))
    return problems


def replica_problems(settings: Settings, choice: EngineChoice) -> list[Refusal]:
    """Return the problems of data parallelism with this executor."""
    if not settings.data_parallel_size or settings.executor != "ray":
        return []
    return [
        ExecutorUnsupported(
            N_(
                "Variable data_parallel_size is {replicas}, which inferfleet supports only with the built-in"
                " executor of {engine} (mp), but executor is ray."
            ),
            N_("Set executor to mp."),
            {"executor": "mp", "engine_version": "", "engine_image": ""},
            remedies=[Remedy(Message("", N_("Set data_parallel_size to 0.")), {"data_parallel_size": 0})],
            replicas=settings.data_parallel_size,
            engine=choice.engine.title,
        )
    ]


def context_ranks_problems(settings: Settings, model: Model, choice: EngineChoice, sizing: Sizing) -> list[Refusal]:
    """Return the problems of decode context parallelism with this engine and KV cache."""
    size = sizing.layout.decode_context_parallel_size
    if size == 1 or "decode_context_parallel_size" not in choice.engine.settings:
        return []
    if cache_kind(model.architecture, settings.kv_cache_dtype) in choice.version.decode_context:
        return []
    remedies = []
    other = "auto" if settings.kv_cache_dtype.startswith("fp8") else "fp8"
    if cache_kind(model.architecture, other) in choice.version.decode_context:
        text = Message("", N_("Set kv_cache_dtype to {other}."), other=other)
        remedies.append(Remedy(text, {"kv_cache_dtype": other}))
    return [
        FlagUnsupported(
            N_(
                "Variable decode_context_parallel_size is {size}, but {engine} does not support it with the KV cache of"
                " {model} and kv_cache_dtype {dtype}."
            ),
            N_("Set decode_context_parallel_size to 1."),
            {"decode_context_parallel_size": 1},
            remedies=remedies,
            size=size,
            engine=f"{choice.engine.title} {choice.version.version}",
            model=model.title,
            dtype=settings.kv_cache_dtype,
        )
    ]


def mode_problems(settings: Settings, choice: EngineChoice) -> list[Refusal]:
    """Return the problem of a performance mode that the version does not have."""
    mode, option = settings.performance_mode, "--performance-mode"
    if not mode or option not in choice.engine.managed or option in flags_of(choice):
        return []
    return [
        FlagUnsupported(
            N_("Variable performance_mode is {mode}, which {engine} does not have."),
            N_("Leave performance_mode empty."),
            {"performance_mode": ""},
            mode=mode,
            engine=f"{choice.engine.title} {choice.version.version}",
        )
    ]


def speculation_problems(
    settings: Settings,
    model: Model,
    checkpoint: Checkpoint,
    choice: EngineChoice,
    mode: Mode | None,
    pipeline: int,
) -> list[Refusal]:
    """Return the problems of speculative decoding with the model's multi-token-prediction layer."""
    tokens, layers = settings.num_speculative_tokens, model.architecture.num_nextn_predict_layers
    if not tokens or mode:
        return []
    if not layers or not checkpoint.prediction_layers:
        name = checkpoint.id if layers else model.title
        why = Message("", N_("{model} has no multi-token-prediction layer"), model=name)
    elif pipeline > 1:
        why = Message(
            "",
            N_("{engine} does not support speculative decoding with the {stages} pipeline stages of this layout"),
            engine=choice.engine.title,
            stages=pipeline,
        )
    else:
        return []
    return [
        SpeculationUnsupported(
            N_("Variable num_speculative_tokens is {tokens}, but {why}."),
            N_("Set num_speculative_tokens to 0."),
            {"num_speculative_tokens": 0},
            tokens=tokens,
            why=why,
        )
    ]


def tool_call_problems(settings: Settings, model: Model, choice: EngineChoice) -> list[Refusal]:
    """Return the problems of tool calls with this model and engine."""
    engine, version = choice.engine, choice.version
    if not settings.enable_auto_tool_choice or "enable_auto_tool_choice" not in engine.settings:
        return []
    if not model.tool_call_parser:
        why = Message("", N_("{model} was not trained to call tools"), model=model.title)
    elif not tool_call_parser(model, choice.name, engine, version):
        name = f"{engine.title} {version.version}"
        why = Message("", N_("{engine} has no tool call parser for {model}"), engine=name, model=model.title)
    else:
        return []
    return [
        ToolCallsUnsupported(
            N_("Variable enable_auto_tool_choice is true, but {why}."),
            N_("Set enable_auto_tool_choice to false."),
            {"enable_auto_tool_choice": False},
            why=why,
        )
    ]


def image_problems(choice: EngineChoice, fleet: Fleet) -> list[Refusal]:
    """Return the problem of an image whose name indicates another CPU architecture than the nodes'."""
    if not fleet.architecture:
        return []
    has = "aarch64" if fleet.architecture in _ARM else fleet.architecture
    vendor, version = fleet.accelerator.vendor, choice.version
    named = next((kind for kind, ends in _TAG_ENDINGS.items() if choice.image.endswith(ends)), "")
    if vendor in version.image_arm and choice.image == version.image.get(vendor):
        named = "x86_64"
    if named in ("", has):
        return []
    return [
        ImageArchitecture(
            N_("Variable engine_image is {image}, which is for {named}, but the nodes are {has}."),
            N_("Leave engine_image empty to let the planner choose the image."),
            {"engine_image": ""},
            image=choice.image,
            named=named,
            has=has,
        )
    ]


def webui_image(configured: str, choice: EngineChoice, fleet: Fleet) -> str:
    """Return the image of the web UI: the configured one, the vendor's for the CPU architecture, or Open WebUI's."""
    engine = choice.engine
    own = engine.webui_image_arm if fleet.architecture in _ARM else engine.webui_image
    return configured or own or load_component("webui").image
