"""Decide where the state of a program is kept, and begin to keep it."""

from __future__ import annotations

from multiprocessing.util import Finalize
from typing import TYPE_CHECKING

from lithops.errors import ConfigError
from lithops.multiprocessing import config
from lithops.multiprocessing.carrier import new_key
from lithops.multiprocessing.linked import LAST
from lithops.multiprocessing.reach import process

if TYPE_CHECKING:
    from lithops.multiprocessing.carrier import Carrier


def own() -> Carrier:
    """Return the carrier that new objects of this process go to; start what keeps them if that is the first."""
    return process.own(open_carrier)


def open_carrier() -> Carrier:
    """Start what keeps state: the manager process of this machine, or a namespace in Redis.

    Redis is for processes that run elsewhere, or where the parameter `CARRIER` says so. Raises `ConfigError` if the
    configuration does not say where Redis is.
    """
    chosen = config.get_parameter(config.CARRIER)
    if chosen == "local" or (chosen == "auto" and config.on_this_machine()):
        return _local()
    return _redis()


def _local() -> Carrier:
    from lithops.multiprocessing.local.carrier import LocalCarrier
    from lithops.multiprocessing.local.starting import ManagerProcess

    manager = ManagerProcess()
    carrier = process.to(LocalCarrier, manager.address)

    def end() -> None:
        manager.close()
        carrier.close()  # only now: a thread that still uses it cannot open more

    Finalize(None, end, exitpriority=LAST)  # which also keeps the manager
    return carrier


def _redis() -> Carrier:
    from lithops.multiprocessing.remote.address import Address
    from lithops.multiprocessing.remote.carrier import RedisCarrier

    section = config.redis_section()
    if section is None:
        raise ConfigError(
            "processes of lithops.multiprocessing that run elsewhere share locks, queues and pipes through Redis, but "
            "the configuration has no section 'redis'; add one that says which host it is on"
        )
    address = Address(
        namespace=new_key(),
        options=tuple(sorted(section.options(secret=section.ship_credentials).items())),
        locked=section.password is not None and not section.ship_credentials,
        ttl_ms=int(config.get_parameter(config.REDIS_EXPIRY_TIME) * 1000),
    )
    carrier = RedisCarrier(address)
    carrier.found()
    Finalize(None, carrier.remove_all, exitpriority=LAST)
    return process.to(lambda _: carrier, address)
