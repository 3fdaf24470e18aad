"""What the demo's role decides, and that the stand-in for the repository's programs takes it."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from planning.test_engines import plan_of

from inferfleet.deepseek_infer import batch_argv, conversion_steps, converted_files, docker_run

STAND_IN = Path(__file__).parents[1] / "deepseek_infer_stand_in" / "inference"
