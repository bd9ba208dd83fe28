"""Proof of the contract: distributions built and installed from outside the tree, good ones and bad ones."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from lithops.errors import ObjectNotFound, PluginError
from lithops.plugins import PluginInfo, Plugins, config_model, find, installed, load, open_plugins
from lithops.types import Activation, CallRange, ExecutorInfo, GetRequest, Lane, Limits, PutRequest, Receipt

EXECUTOR = ExecutorInfo(executor_id="ab12cd-0", mode="serverless", backend="harbour", storage="harbour", state_dir="/x")


class Accepted:
    """A sink that notes receipts."""

    def __init__(self) -> None:
        self.receipts: list[Receipt] = []

    def accepted(self, receipt: Receipt) -> None:
        self.receipts.append(receipt)


def activation(index: int) -> Activation:
    return Activation(
        activation_id=f"a{index}",
        job_key="ab12cd-0-M000",
        ranges=(CallRange(first=index, count=1),),
        lane=Lane.RESPONSE,
        timeout_s=1.0,
        deadline=float("inf"),
        index=index,
    )


def harbour() -> Plugins:
    return open_plugins(compute="harbour", storage="harbour")


def test_installed_lists_name_kind_distribution_and_version_without_importing_anything(outsiders: Path) -> None:
    listed = {(info.kind, info.name): (info.distribution, info.version) for info in installed()}
    assert listed["serverless", "harbour"] == ("lithops-backend-harbour", "0.3.0")
    assert listed["storage", "harbour"] == ("lithops-backend-harbour", "0.3.0")
    assert listed["plugins", "harbour_watch"] == ("lithops-backend-harbour", "0.3.0")
    assert listed["serverless", "broken_import"] == ("lithops-backend-broken-import", "1.2.0")
    assert not [name for name in sys.modules if name.startswith("lithops_backend_")]


def test_installed_can_be_narrowed_to_a_kind_or_to_all_compute_backends(outsiders: Path) -> None:
    assert {info.name for info in installed("storage")} == {"harbour", "localhost"}
    assert {info.kind for info in installed("compute")} == {"localhost", "serverless", "standalone"}


def test_unknown_kind_is_refused() -> None:
    with pytest.raises(PluginError, match=r"^unknown kind of plugin 'cloud' \(known: compute, localhost, serverless, "):
        installed("cloud")


def test_the_backend_and_the_wrapper_work_together(outsiders: Path) -> None:
    plugins = harbour()
    (watch,) = plugins.others
    plugins.configure(EXECUTOR)
    sink = Accepted()
    receipts = plugins.invoke([activation(0), activation(1)], sink)  # type: ignore[arg-type]
    assert [receipt.backend_ref for receipt in receipts] == ["berth-0", "berth-1"]
    assert sink.receipts == list(receipts)
    assert watch.seen == ["executor ab12cd-0, config None", "invoke of 2", "2 accepted"]  # type: ignore[attr-defined]


def test_the_storage_backend_keeps_objects(outsiders: Path) -> None:
    plugins = harbour()
    plugins.put_object(PutRequest(bucket="b", key="k", body=b"abc"))
    assert plugins.get_object(GetRequest(bucket="b", key="k")).stream.read() == b"abc"
    with pytest.raises(ObjectNotFound, match="no object 'x' in bucket 'b'"):
        plugins.get_object(GetRequest(bucket="b", key="x"))


def test_the_config_model_is_the_one_the_backend_names(outsiders: Path) -> None:
    plugin_class = load(find("compute", "harbour"))
    model = config_model(plugin_class)
    assert model is not None
    assert harbour().limits(model(berths=7)) == Limits(in_flight=7)
    assert config_model(load(find("storage", "harbour"))) is None


def test_a_misspelt_hook_names_plugin_distribution_and_the_nearest_hook(outsiders: Path) -> None:
    with pytest.raises(PluginError) as caught:
        open_plugins(compute="misspelt")
    assert str(caught.value) == (
        "compute plugin 'misspelt' of lithops-backend-misspelt 0.1.0 implements the hook 'invok', which does not "
        "exist; did you mean 'invoke'?"
    )


def test_a_plugin_that_fails_on_import_names_distribution_cause_and_remedy(outsiders: Path) -> None:
    with pytest.raises(PluginError) as caught:
        open_plugins(compute="broken_import")
    assert str(caught.value) == (
        "compute plugin 'broken_import' of lithops-backend-broken-import 1.2.0 cannot be loaded from "
        "'lithops_backend_broken_import.plugin:BrokenImport': ModuleNotFoundError: No module named "
        "'a_vendor_sdk_that_is_not_there'; repair it with 'pip install --force-reinstall "
        "lithops-backend-broken-import' or remove it with 'pip uninstall lithops-backend-broken-import'"
    )
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_a_plugin_of_a_newer_api_is_refused_before_anything_else_is_checked(outsiders: Path) -> None:
    with pytest.raises(PluginError) as caught:
        open_plugins(compute="newer_api")
    assert str(caught.value) == (
        "compute plugin 'newer_api' of lithops-backend-newer-api 9.0.0 needs plugin API 2 but this core speaks 1; "
        "run 'pip install --upgrade lithops-core'"
    )


def test_two_distributions_that_claim_one_name_are_both_named(outsiders: Path) -> None:
    with pytest.raises(PluginError) as caught:
        open_plugins(compute="twin")
    assert str(caught.value) == (
        "compute backend 'twin' is claimed by lithops-backend-twin 1.0.0 (lithops.serverless) and "
        "acme-twin 2.0.0 (lithops.standalone); pip uninstall one of them"
    )


def test_a_broken_cross_cutting_plugin_is_left_out_with_a_warning(
    outsiders: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "lithops"):
        plugins = open_plugins()
    assert [type(other).__name__ for other in plugins.others] == ["Watch"]
    (message,) = caplog.messages
    assert message.startswith("left out: plugin 'broken_watch' of lithops-backend-broken-import 1.2.0 cannot be loaded")


@pytest.mark.parametrize(
    ("family", "name", "message"),
    [
        (
            "compute",
            "harbor",
            "unknown compute backend 'harbor' (installed: broken_import, harbour, localhost, misspelt, newer_api, "
            "twin); did you mean 'harbour'?",
        ),
        (
            "storage",
            "aws_s3",
            "unknown storage backend 'aws_s3' (installed: harbour, localhost); pip install lithops-storage-aws-s3",
        ),
        ("monitor", "rabbitmq", "unknown monitor 'rabbitmq' (installed: none); pip install lithops-monitor-rabbitmq"),
        (
            "plugins",
            "opentelemetry",
            "unknown plugin 'opentelemetry' (installed: broken_watch, harbour_watch); "
            "pip install lithops-plugin-opentelemetry",
        ),
    ],
)
def test_a_missing_name_says_the_nearest_one_or_what_to_install(
    outsiders: Path, family: str, name: str, message: str
) -> None:
    with pytest.raises(PluginError) as caught:
        find(family, name)
    assert str(caught.value) == message


def test_a_missing_backend_says_what_to_install_where_only_the_core_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PluginError, match=r"\(installed: localhost\); pip install lithops-backend-aws-lambda$"):
        find("compute", "aws_lambda")


def test_what_is_no_class_is_refused() -> None:
    info = PluginInfo(name="x", kind="monitor", distribution="acme-x", version="1", target="os.path:sep")
    with pytest.raises(PluginError, match=r"^monitor plugin 'x' of acme-x 1 must be a class, but 'os.path:sep' is '/'"):
        load(info)


def test_a_plugin_that_cannot_be_made_is_told_where_such_work_belongs(
    outsiders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin_class = load(find("compute", "harbour"))

    def fail(self: object) -> None:
        raise RuntimeError("no network")

    monkeypatch.setattr(plugin_class, "__init__", fail)
    with pytest.raises(PluginError) as caught:
        open_plugins(compute="harbour")
    assert str(caught.value) == (
        "compute plugin 'harbour' of lithops-backend-harbour 0.3.0 cannot be made: "
        "'lithops_backend_harbour.plugin:Harbour' called without arguments raised RuntimeError: no network; "
        "do such work in the hook 'configure'"
    )


def test_they_are_found_in_a_fresh_interpreter(site: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "from lithops.plugins import find\n"
        "print(find('compute', 'harbour'))"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout == "compute plugin 'harbour' of lithops-backend-harbour 0.3.0\n"
