"""The names of the standard library's `multiprocessing.connection`."""

from __future__ import annotations

from multiprocessing.connection import wait as wait

from lithops.multiprocessing.listening import Client as Client
from lithops.multiprocessing.listening import Listener as Listener
from lithops.multiprocessing.pipes import Connection as Connection
from lithops.multiprocessing.pipes import Pipe as Pipe
