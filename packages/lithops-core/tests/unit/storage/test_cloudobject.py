"""References to data."""

from __future__ import annotations

import pickle

import pytest

from lithops.storage import CloudObject, CloudObjectLocal, CloudObjectUrl


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        (CloudObject("aws_s3", "bucket", "a/key"), "<CloudObject at aws_s3://bucket/a/key>"),
        (CloudObjectUrl("https://example.org/x"), "<CloudObject at https://example.org/x>"),
        (CloudObjectLocal("/data/x"), "<CloudObject at file:///data/x>"),
    ],
)
def test_a_reference_prints_pickles_and_compares(reference: object, text: str) -> None:
    assert str(reference) == repr(reference) == text
    copy = pickle.loads(pickle.dumps(reference))
    assert copy == reference
    assert len({copy, reference}) == 1


def test_names_are_importable_from_where_users_know_them() -> None:
    import lithops
    from lithops import errors, storage
    from lithops.storage import utils

    assert utils.CloudObject is storage.CloudObject
    assert utils.CloudObjectUrl is storage.CloudObjectUrl
    assert utils.CloudObjectLocal is storage.CloudObjectLocal
    assert utils.StorageNoSuchKeyError is storage.StorageNoSuchKeyError is errors.ObjectNotFound
    assert utils.StorageConfigMismatchError is storage.StorageConfigMismatchError is errors.StorageMismatchError
    assert lithops.Storage is storage.Storage
    assert set(storage.__all__) <= set(dir(storage))
    with pytest.raises(AttributeError, match=r"^module 'lithops.storage' has no attribute 'nonsense'$"):
        storage.nonsense  # noqa: B018 - the access is the test
