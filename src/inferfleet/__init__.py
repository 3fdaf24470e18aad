"""inferfleet: deployment of DeepSeek-R1 services on bare GPU and NPU servers."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("inferfleet")
except PackageNotFoundError:  # a checkout that was not installed
    __version__ = "0+unknown"
