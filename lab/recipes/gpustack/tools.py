"""Marks the tools as present that a worker fetches from the internet at its start, as the official images do.

They look into GGUF files and, where its configuration does not name a machine's resources, at the machine; the test
cluster does neither. Run it with GPUStack in the import path.
"""

import json
from pathlib import Path

import gpustack.third_party
from gpustack.worker import tools_manager

FASTFETCH = "2.25.0.1"  # ToolsManager.download_fastfetch of 0.7.1 and 2.3.0


def main() -> None:
    """Write the files and the list of versions that `ToolsManager.prepare_tools` reads."""
    folder = Path(next(iter(gpustack.third_party.__path__))) / "bin"
    versions = {"gguf-parser": tools_manager.BUILTIN_GGUF_PARSER_VERSION, "fastfetch": FASTFETCH}
    files = [folder / "gguf-parser" / "gguf-parser", folder / "fastfetch" / "fastfetch"]
    if hasattr(tools_manager, "BUILTIN_LLAMA_BOX_VERSION"):  # 0.x
        version = tools_manager.BUILTIN_LLAMA_BOX_VERSION
        for device in ("", "-cuda"):  # it uses that of the machine's accelerators
            name = f"llama-box-{version}-linux-amd64{device}"
            versions[name] = version
            files.append(folder / "llama-box" / name / "llama-box")
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("#!/bin/sh\necho 'the test cluster has no tools for GGUF' >&2\nexit 1\n")
        file.chmod(0o755)
    (folder / "versions.json").write_text(json.dumps(versions))


if __name__ == "__main__":
    main()
