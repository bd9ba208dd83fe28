"""joblib on an executor: programs that use joblib, such as scikit-learn's, run on any backend.

    import joblib
    from lithops.util.joblib import register_lithops

    register_lithops()
    with joblib.parallel_config(backend="lithops", n_jobs=4):
        results = joblib.Parallel()(joblib.delayed(function)(item) for item in items)

joblib (`pip install 'lithops-core[joblib]'`) is not imported before `register_lithops` is called.
"""

from __future__ import annotations

from lithops.errors import LithopsError

__all__ = ["register_lithops"]

OLDEST = (1, 4)
"""Of joblib; what the extra requires, too."""


def register_lithops() -> None:
    """Make 'lithops' a backend of joblib.

    What `joblib.parallel_config(backend="lithops", ...)` is given beside its own arguments goes to `FunctionExecutor`;
    `executor=` names one that exists already. Raises LithopsError if joblib is missing or too old.
    """
    try:
        import joblib
    except ImportError as error:
        raise LithopsError(
            "the joblib backend needs joblib, which cannot be imported; pip install 'lithops-core[joblib]'"
        ) from error
    if tuple(map(int, joblib.__version__.split(".")[:2])) < OLDEST:
        raise LithopsError(
            f"the joblib backend needs joblib {'.'.join(map(str, OLDEST))} or newer, found {joblib.__version__}; "
            "pip install --upgrade 'lithops-core[joblib]'"
        )
    from lithops.util.joblib.factory import Factory

    joblib.register_parallel_backend("lithops", Factory())
