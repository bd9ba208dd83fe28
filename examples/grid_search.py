"""Search the best parameters of a classifier with scikit-learn, on joblib's own processes and on an executor; compare.

    python examples/grid_search.py                  # the real digits that scikit-learn brings
    python examples/grid_search.py --jobs 8

Exits with 1 when the two searches find different things.
"""
# /// script
# requires-python = ">=3.11"
# dependencies = ["lithops-core[joblib]", "scikit-learn>=1.5"]
# ///

from __future__ import annotations

import argparse
import os
import sys
import time

import joblib
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC

from lithops.util.joblib import register_lithops

Found = tuple[dict[str, float], list[float], list[int]]
"""The best parameters, the score of each candidate, and what a forest predicts."""

GRID = {"C": [0.1, 1.0, 10.0, 100.0], "gamma": [1e-4, 1e-3, 1e-2]}
FOLDS = 5
FITS = FOLDS * len(GRID["C"]) * len(GRID["gamma"])


def learn(backend: str, jobs: int) -> Found:
    """Search and grow on a backend of joblib, and say how long it took; twice, as the second time finds warm workers."""
    digits, labels = load_digits(return_X_y=True)
    with joblib.parallel_config(backend=backend, n_jobs=jobs):
        for when in ("cold", "warm"):
            begin = time.perf_counter()
            search = GridSearchCV(SVC(), GRID, cv=FOLDS).fit(digits, labels)
            print(f"{backend:8} {when}  {time.perf_counter() - begin:6.2f} s for {FITS} fits")
        forest = RandomForestClassifier(n_estimators=64, random_state=0).fit(digits, labels)
    scores: list[float] = search.cv_results_["mean_test_score"].tolist()
    predicted: list[int] = forest.predict(digits[::7]).tolist()
    return search.best_params_, scores, predicted


def main() -> int:
    """Learn twice, print what was found."""
    parser = argparse.ArgumentParser(description="Search parameters with scikit-learn on two backends of joblib.")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="jobs at a time (default: %(default)s)")
    options = parser.parse_args()

    register_lithops()
    expected = learn("loky", options.jobs)
    found = learn("lithops", options.jobs)
    print(f"best       {found[0]} with a score of {max(found[1]):.4f}")
    if found != expected:
        print("the two backends have found different things; please report it", file=sys.stderr)
        return 1
    print("check      equal on both backends")
    return 0


if __name__ == "__main__":
    sys.exit(main())
