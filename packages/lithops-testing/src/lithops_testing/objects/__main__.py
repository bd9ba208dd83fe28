"""Run the store by hand, or as `StoreDouble` does."""

from __future__ import annotations

import sys

from lithops_testing.objects.routes import StoreService
from lithops_testing.objects.settings import Settings
from lithops_testing.service.program import run

if __name__ == "__main__":
    run("lithops_testing.objects", Settings, StoreService, sys.argv[1:])
