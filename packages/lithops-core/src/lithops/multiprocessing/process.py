"""Processes that run as calls of an executor."""

from __future__ import annotations

from multiprocessing.process import BaseProcess

from lithops.multiprocessing.popen import Popen


class Process(BaseProcess):
    """The standard library's process, run by a worker of its own wherever the configuration says.

    What it is made of is pickled: its target and arguments, or the object itself where a subclass has a `run` of its
    own.
    """

    _start_method = None  # the child keeps its own

    @staticmethod
    def _Popen(process_obj: BaseProcess) -> Popen:  # noqa: N802 - what the standard library calls
        return Popen(process_obj)
