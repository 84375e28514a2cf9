"""The Kubernetes manifests fit their schemas, name what exists, and give no pod too much."""

import importlib.util
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from db.settings import Settings
from db.vocabulary import Lane

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes"
FILES = [path for path in sorted(FOLDER.glob("*.yaml")) if path.name != "kustomization.yaml"]
OBJECTS: list[dict[str, Any]] = [
    one for path in FILES for one in YAML(typ="safe").load_all(path) if one
]
PODS = {
    one["metadata"]["name"]: one["spec"]["template"]["spec"]
    for one in OBJECTS
    if one["kind"] in ("Deployment", "Job")
}
NOT_OURS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.mark.parametrize("number", range(len(OBJECTS)))
def test_fits_the_schema(number: int) -> None:
    kubernetes_validate.validate(OBJECTS[number], "1.37", strict=True)


def test_the_kustomization_names_every_file_but_the_example() -> None:
    named = YAML(typ="safe").load(FOLDER / "kustomization.yaml")["resources"]
    assert sorted(named) == [path.name for path in FILES if path.name != "secret.example.yaml"]


@pytest.mark.parametrize("name", PODS)
def test_every_pod_is_confined(name: str) -> None:
    pod = PODS[name]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("lane", Lane)
def test_every_lane_has_a_deployment(lane: Lane) -> None:
    command = PODS[str(lane)]["containers"][0]["command"]
    assert command[:4] == ["celery", "-A", "worker.app", "worker"]
    assert command[command.index("-Q") + 1] == lane
    assert ("-B" in command) == (lane == Lane.UPKEEP)


def test_commands_name_modules_that_exist() -> None:
    assert PODS["migrate"]["containers"][0]["command"][:3] == ["python", "-m", "migrations"]
    probes = [PODS[str(lane)]["containers"][0]["livenessProbe"] for lane in Lane]
    assert {tuple(probe["exec"]["command"]) for probe in probes} == {
        ("python", "-m", "worker.alive")
    }
    for module in ("migrations.__main__", "api.patience", "worker.app", "worker.alive"):
        assert importlib.util.find_spec(module) is not None


def test_settings_are_ones_that_are_read() -> None:
    known = {f"SIGHTLINE_{field.upper()}" for field in Settings.model_fields}
    known |= {str(field.validation_alias) for field in Settings.model_fields.values()}
    for one in OBJECTS:
        if one["kind"] in ("ConfigMap", "Secret"):
            given = {*one.get("data", {}), *one.get("stringData", {})}
            assert given <= known | {*NOT_OURS}


def test_what_scales_is_there_and_scales_by_its_own_lane() -> None:
    scaled = [one for one in OBJECTS if one["kind"] == "HorizontalPodAutoscaler"]
    assert scaled
    for one in scaled:
        target = one["spec"]["scaleTargetRef"]["name"]
        metric = one["spec"]["metrics"][0]["external"]["metric"]
        assert target in PODS and metric["selector"]["matchLabels"] == {"lane": target}
        assert metric["name"] == "sightline_tasks_queued"
