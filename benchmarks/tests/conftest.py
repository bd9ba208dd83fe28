"""The suite is a set of scripts, not a distribution: its folder is put on the path as Python does for `run.py`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
