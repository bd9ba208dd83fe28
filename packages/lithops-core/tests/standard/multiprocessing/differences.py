"""Which of CPython's tests of multiprocessing are run, which are not, and which fail, each with the reason."""

from __future__ import annotations

import sys

INSIDE = "tests the inside of the standard library, which is not replaced"
DESCRIPTORS = "sends an open descriptor or socket to a process, which may run on another machine"
CLOSED = "wants a closed queue to be open until it is used"
FEEDER = "has a feeder thread fail; there is none: put() itself raises"
NO_PROCESSES = "looks at the processes of a pool; its workers belong to an executor"

CLASSES_LEFT_OUT = {
    "MiscTestCase": INSIDE,
    "SemLockTests": INSIDE,
    "TestCloseFds": "tells which descriptors a forked or spawned child has",
    "TestForkAwareThreadLock": INSIDE,
    "TestInternalDecorators": "tests the tests",
    "TestInvalidHandle": INSIDE,
    "TestFlags": "tells which flags a spawned interpreter is started with",
    "TestManagerExceptions": "ends managers while the test's own connection of the standard library waits",
    "TestNamedResource": "starts programs with the standard library's start methods",
    "TestNoForkBomb": "wants a program without main guard to be refused; here it need not have one",
    "TestPoolNotLeakOnFailure": NO_PROCESSES,
    "TestResourceTracker": "tests the tracker of named semaphores and shared memory; there are none",
    "TestStartMethod": "tells start methods apart, which all mean the same here",
    "TestStdinBadfiledescriptor": "has children forked that share the standard streams",
    "WithProcessesTestFinalize": INSIDE,
    "WithProcessesTestHeap": INSIDE,
    "WithProcessesTestSharedMemory": "multiprocessing.shared_memory is the standard library's own",
    "_TestImportStar": INSIDE,
}

LEFT_OUT = {
    "TestIgnoreEINTR.test_ignore": "signals a process that a full pipe should keep waiting; here it has ended",
    "WithProcessesTestConnection.test_fd_transfer": DESCRIPTORS,
    "WithProcessesTestConnection.test_large_fd_transfer": DESCRIPTORS,
    "WithProcessesTestConnection.test_missing_fd_transfer": DESCRIPTORS,
    "WithProcessesTestProcess.test_parent_process": "wants a process to outlive its killed parent; here it ends with it",
}
"""Tests that would wait for ever, or whose outcome depends on who is faster."""

DIFFERENT = {
    "TestSimpleQueue.test_closed": "looks at the pipe inside; a queue here has none to close",
    "WithManagerTestQueue.test_closed_queue_empty_exceptions": CLOSED,
    "WithProcessesTestPicklingConnections.test_pickling": DESCRIPTORS,
    "WithProcessesTestPool.test_release_task_refs": "an executor remembers the small results of its last jobs",
    "WithProcessesTestPool.test_traceback": "the cause of an error is lithops' own remote traceback",
    "WithProcessesTestPoolWorkerErrors.test_unpickleable_result": "its result, a lambda, can be pickled here",
    "WithProcessesTestPoolWorkerLifetime.test_pool_worker_lifetime": NO_PROCESSES,
    "WithProcessesTestQueue.test_closed_queue_empty_exceptions": CLOSED,
    "WithProcessesTestQueue.test_queue_feeder_donot_stop_onexc": FEEDER,
    "WithProcessesTestQueue.test_queue_feeder_on_queue_feeder_error": FEEDER,
}

SHORT: tuple[str, ...] = (
    "OtherTest",
    "TestIgnoreEINTR",
    "TestInitializers",
    "TestInvalidFamily",
    "TestSimpleQueue",
    "TestTimeouts",
    "WithManagerTestContainers",
    "WithManagerTestEvent",
    "WithManagerTestLock",
    "WithManagerTestManagerRestart",
    "WithManagerTestMyManager",
    "WithManagerTestRemoteManager",
    "WithManagerTestSemaphore",
    "WithProcessesTestArray",
    "WithProcessesTestCondition",
    "WithProcessesTestEvent",
    "WithProcessesTestListener",
    "WithProcessesTestListenerClient",
    "WithProcessesTestLock",
    "WithProcessesTestLogging",
    "WithProcessesTestManagerRestart",
    "WithProcessesTestPicklingConnections",
    "WithProcessesTestPool",
    "WithProcessesTestPoolWorkerErrors",
    "WithProcessesTestPoolWorkerLifetime",
    "WithProcessesTestQueue",
    "WithProcessesTestSemaphore",
    "WithProcessesTestValue",
)
"""Classes to run; those that take longest are the others."""
if sys.version_info >= (3, 12):
    SHORT += ("ChallengeResponseTest",)
if sys.version_info >= (3, 13):
    SHORT += ("WithProcessesTestAtExit",)

LONG: tuple[str, ...] = (
    "TestSyncManagerTypes",
    "TestWait",
    "WithManagerTestBarrier",
    "WithManagerTestCondition",
    "WithManagerTestPool",
    "WithManagerTestQueue",
    "WithProcessesTestBarrier",
    "WithProcessesTestConnection",
    "WithProcessesTestPoll",
    "WithProcessesTestPollEintr",
    "WithProcessesTestProcess",
    "WithProcessesTestSharedCTypes",
    "WithProcessesTestSubclassingProcess",
)
