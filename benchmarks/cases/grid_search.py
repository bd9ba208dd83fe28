"""scikit-learn's grid search, as its users run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from records import OURS, Case, Column, Plan, Results, Verdict, at_most
from stopwatch import Stopwatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peers import Peer

COLD, WARM = "cold", "warm"
GRID = {"C": [1, 10, 100, 1000], "gamma": [1e-3, 1e-4]}
FOLDS, TRAINED_ON = 5, 900


def measure(peer: Peer, variant: str, plan: Plan) -> dict[str, float]:
    import joblib
    from sklearn.datasets import load_digits
    from sklearn.model_selection import GridSearchCV
    from sklearn.svm import SVC

    backend = "loky"
    if type(peer).__module__.endswith("ours"):
        from lithops.util.joblib import register_lithops

        register_lithops()
        backend = "lithops"
    digits, labels = load_digits(return_X_y=True)
    search = GridSearchCV(SVC(), GRID, cv=FOLDS)
    with joblib.parallel_config(backend=backend, n_jobs=plan.workers):
        if variant == WARM:
            search.fit(digits[:TRAINED_ON], labels[:TRAINED_ON])
        with Stopwatch() as watch:
            search.fit(digits[:TRAINED_ON], labels[:TRAINED_ON])
    assert search.best_params_ == {"C": 10, "gamma": 1e-3}, search.best_params_
    return watch.values()


def judge(results: Results) -> Sequence[Verdict]:
    return [
        at_most(
            f"scikit-learn's grid search, {variant} / joblib",
            results.ratio("grid_search", variant, OURS, "joblib", "wall_s"),
            1.0,
            ".2f",
            "x",
        )
        for variant in (COLD, WARM)
    ]


CASE = Case(
    key="grid_search",
    title="scikit-learn's grid search",
    about=(
        "`GridSearchCV` of an `SVC` over 8 candidates in 5 folds, on 900 of scikit-learn's digits; ours is joblib with "
        "the backend `lithops`, joblib's own is loky. Cold: the first search of a program, workers and their imports "
        "included, its own imports not. Warm: the second one."
    ),
    variants=(COLD, WARM),
    rounds={OURS: 5, "joblib": 5},
    columns=(
        Column(title="wall ms", value="wall_s", factor=1e3, digits=0),
        Column(title="CPU ms", value="cpu_s", factor=1e3, digits=0),
    ),
    compared="wall_s",
    judge=judge,
    measure=measure,
)
