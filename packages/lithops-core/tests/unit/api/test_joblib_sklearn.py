"""scikit-learn on an executor finds what it finds on joblib's own processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

X, Y = make_classification(n_samples=3000, n_features=60, n_informative=8, random_state=0)


@pytest.fixture
def on_both(two_jobs: None) -> Callable[[Callable[[], Any]], tuple[Any, Any]]:
    """Return what a function returns on an executor and on joblib's own processes."""

    def run(function: Callable[[], Any]) -> tuple[Any, Any]:
        ours = function()
        with joblib.parallel_config(backend="loky", n_jobs=2):
            theirs = function()
        joblib.externals.loky.get_reusable_executor().shutdown(wait=True)
        return ours, theirs

    return run


def test_a_grid_search_finds_the_same(on_both: Callable[[Callable[[], Any]], tuple[Any, Any]]) -> None:
    def search() -> tuple[Any, Any, Any]:
        model = make_pipeline(StandardScaler(), LogisticRegression())
        found = GridSearchCV(model, {"logisticregression__C": [0.01, 0.1, 1.0]}, cv=3).fit(X, Y)
        return found.best_params_, found.cv_results_["mean_test_score"].tolist(), found.predict(X[:50]).tolist()

    assert X.nbytes > 1 << 20  # so it is shared
    ours, theirs = on_both(search)
    assert ours == theirs


def test_a_forest_has_the_same_trees(on_both: Callable[[Callable[[], Any]], tuple[Any, Any]]) -> None:
    def grow() -> tuple[Any, Any]:
        forest = RandomForestClassifier(n_estimators=12, max_depth=5, random_state=3).fit(X, Y)
        return [tree.tree_.threshold.tolist() for tree in forest.estimators_], forest.predict(X).tolist()

    ours, theirs = on_both(grow)
    assert ours == theirs


def test_a_forest_inside_of_a_cross_validation_is_nested(two_jobs: None) -> None:
    model = RandomForestClassifier(n_estimators=6, max_depth=4, n_jobs=2, random_state=3)
    scores = cross_val_score(model, X, Y, cv=3)
    with joblib.parallel_config(backend="sequential"):
        assert np.array_equal(scores, cross_val_score(model.set_params(n_jobs=1), X, Y, cv=3))
