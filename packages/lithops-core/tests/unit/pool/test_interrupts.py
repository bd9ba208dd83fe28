"""Signals are held back while the pool is at its books, and have their effect afterwards."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from lithops.pool.interrupts import deferred_interrupts

Handler = Callable[[int, object], object]


class Struck(Exception):
    pass


def no_one() -> None:
    """Nobody has to be woken."""


@pytest.fixture
def handle() -> Iterator[Callable[[int, Handler], None]]:
    """Set handlers for the time of the test."""
    before: list[tuple[int, object]] = []

    def set_handler(number: int, handler: Handler) -> None:
        before.append((number, signal.signal(number, handler)))

    yield set_handler
    for number, handler in reversed(before):
        signal.signal(number, handler)  # type: ignore[arg-type]


def strike(_number: int, _frame: object) -> None:
    raise Struck


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGALRM, signal.SIGTERM])
def test_a_signal_is_noted_and_has_its_effect_when_it_is_delivered(
    handle: Callable[[int, Handler], None], number: int
) -> None:
    handle(number, strike)
    woken: list[bool] = []
    interrupts = deferred_interrupts(lambda: woken.append(True))
    with interrupts:
        os.kill(os.getpid(), number)
        assert interrupts.caught
    assert woken
    assert signal.getsignal(number) is strike
    with pytest.raises(Struck):
        interrupts.deliver()
    interrupts.deliver()  # once


def test_handlers_see_the_numbers_of_the_signals_in_their_order(handle: Callable[[int, Handler], None]) -> None:
    seen: list[int] = []
    for number in (signal.SIGALRM, signal.SIGTERM):
        handle(number, lambda number, _frame: seen.append(number))
    interrupts = deferred_interrupts(no_one)
    with interrupts:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGALRM)
    assert not seen
    interrupts.deliver()
    assert seen == [signal.SIGTERM, signal.SIGALRM]


def test_blocks_may_stand_in_each_other(handle: Callable[[int, Handler], None]) -> None:
    handle(signal.SIGALRM, strike)
    outer, inner = deferred_interrupts(no_one), deferred_interrupts(no_one)
    with outer:
        with inner:
            os.kill(os.getpid(), signal.SIGALRM)
        inner.deliver()
        assert outer.caught
    with pytest.raises(Struck):
        outer.deliver()
    assert signal.getsignal(signal.SIGALRM) is strike


def test_all_handlers_are_put_back_though_one_of_them_raises_meanwhile(
    handle: Callable[[int, Handler], None],
) -> None:
    handle(signal.SIGTERM, strike)
    handle(signal.SIGALRM, strike)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGALRM, signal.SIGTERM)}
    timer_s = 1e-5
    for _ in range(300):
        with contextlib.suppress(Struck):
            signal.setitimer(signal.ITIMER_REAL, timer_s)
            interrupts = deferred_interrupts(no_one)
            with interrupts:
                pass
            interrupts.deliver()
            signal.setitimer(signal.ITIMER_REAL, 0)  # if it has not come yet, it would come where nobody suppresses it
            time.sleep(0)
        timer_s = timer_s * 1.3 if timer_s < 1e-4 else 1e-5
        assert {number: signal.getsignal(number) for number in before} == before


def test_signals_that_are_ignored_or_have_no_handler_are_left_alone() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        interrupts = deferred_interrupts(no_one)
        with interrupts:
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
            os.kill(os.getpid(), signal.SIGTERM)
        assert not interrupts.caught
    finally:
        signal.signal(signal.SIGTERM, before)


def test_other_threads_change_no_handler() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def work() -> None:
        with deferred_interrupts(no_one):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
