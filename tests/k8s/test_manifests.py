"""The manifests: every container locked down, told exactly what its settings know, and valid."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest

from manifests import (
    BASE,
    PARTS,
    ROOT,
    SERVICES,
    Document,
    Place,
    by_hand,
    by_kubectl,
    config,
    containers,
    documents_in,
    left_at_default,
    pod_of,
    rendered,
    settings_of,
    told,
    told_to,
    variables,
)

CLUSTER = "1.31"
EVERY = [pytest.param(place, id=place.name) for place in containers()]
DOORS = [pytest.param(place, id=place.name) for place in containers() if place.role == "api"]
RESTRICTED_USER = 10001
HEALTH = {
    "startupProbe": "/api/v1/health",
    # A gateway behind which nobody can sign in gets no requests, but is not started again for it.
    "readinessProbe": "/api/v1/health/ready",
    "livenessProbe": "/api/v1/health",
}


def test_every_part_has_one_file_and_the_kustomization_names_them_all() -> None:
    (kustomization,) = documents_in(BASE / "kustomization.yaml")
    named = set(kustomization["resources"])
    assert named == {path.name for path in BASE.glob("*.yaml")} - {"kustomization.yaml"}
    assert {f"{part}.yaml" for part in PARTS} <= named
    assert {image["name"] for image in kustomization["images"]} == {f"optichain/{p}" for p in PARTS}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_runs_in_the_roles_it_has(part: str) -> None:
    made = sorted(
        f"{document['kind']} {document['metadata']['name']}"
        for document in documents_in(BASE / f"{part}.yaml")
        if document["kind"] in ("Deployment", "Job", "CronJob", "Service", "ServiceAccount")
    )
    expected = [f"Deployment {part}-api", f"Service {part}", f"ServiceAccount {part}"]
    if part in SERVICES:
        expected += [f"Deployment {part}-worker", f"Job {part}-migrate"]
        expected += [f"CronJob {part}-purge-drill"]
    assert made == sorted(expected)


def test_every_rendered_document_is_what_kubernetes_takes() -> None:
    documents = rendered()
    assert len(documents) == sum(
        len(documents_in(path)) for path in BASE.glob("*.yaml") if path.name != "kustomization.yaml"
    )
    for document in documents:
        kubernetes_validate.validate(document, CLUSTER, strict=True)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not on this machine")
def test_without_kubectl_the_same_documents_are_checked() -> None:
    def named(documents: tuple[Document, ...]) -> dict[tuple[str, str], Document]:
        return {(one["kind"], one["metadata"]["name"]): one for one in documents}

    assert named(by_hand()) == named(by_kubectl())


def test_rendered_images_have_a_release_and_everything_lies_in_one_namespace() -> None:
    for document in rendered():
        pod = pod_of(document)
        if document["kind"] != "Namespace":
            assert document["metadata"].get("namespace", "optichain") == "optichain"
        for container in pod["containers"] if pod else ():
            name, _, release = container["image"].rpartition(":")
            assert name.startswith("optichain/"), container["image"]
            assert release not in ("", "latest"), container["image"]


@pytest.mark.parametrize("place", EVERY)
def test_a_container_may_do_nothing_it_does_not_need(place: Place) -> None:
    of_pod, own = place.pod["securityContext"], place.container["securityContext"]
    assert of_pod["runAsNonRoot"] is True
    assert (of_pod["runAsUser"], of_pod["runAsGroup"]) == (RESTRICTED_USER, RESTRICTED_USER)
    assert of_pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own["allowPrivilegeEscalation"] is False
    assert own["privileged"] is False
    assert own["readOnlyRootFilesystem"] is True
    assert own["capabilities"] == {"drop": ["ALL"]}
    for loosened in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"):
        assert not place.pod.get(loosened)
    assert not [volume for volume in place.pod.get("volumes", ()) if "hostPath" in volume]


@pytest.mark.parametrize("place", EVERY)
def test_a_container_has_an_account_of_its_own_without_a_token_of_the_cluster(
    place: Place,
) -> None:
    assert place.pod["serviceAccountName"] == place.part
    assert place.pod["automountServiceAccountToken"] is False
    # Else the cluster puts LABJOB_PORT and the like beside our own variables.
    assert place.pod["enableServiceLinks"] is False


@pytest.mark.parametrize("place", EVERY)
def test_a_container_asks_for_what_it_needs_and_has_an_end_to_it(place: Place) -> None:
    resources = place.container["resources"]
    assert {"cpu", "memory"} == resources["requests"].keys() == resources["limits"].keys()


@pytest.mark.parametrize("place", EVERY)
def test_a_container_writes_only_where_a_volume_is_mounted(place: Place) -> None:
    mounted = {one["name"]: one["mountPath"] for one in place.container["volumeMounts"]}
    assert mounted["tmp"] == "/tmp"
    volumes = {volume["name"]: volume for volume in place.pod["volumes"]}
    assert volumes.keys() == mounted.keys()
    assert volumes["tmp"]["emptyDir"]["sizeLimit"]


@pytest.mark.parametrize("place", EVERY)
def test_a_container_is_told_only_what_its_settings_know(place: Place) -> None:
    known = variables(settings_of(place.part))
    assert told(place.container) - known.keys() == set()


@pytest.mark.parametrize("place", EVERY)
def test_a_container_is_told_everything_its_settings_demand(place: Place) -> None:
    known = variables(settings_of(place.part))
    demanded = {name for name, is_required in known.items() if is_required}
    assert demanded - told(place.container) == set()


@pytest.mark.parametrize("part", PARTS)
def test_every_setting_is_in_the_manifests_or_on_the_list_of_those_left_at_their_default(
    part: str,
) -> None:
    known, listed = variables(settings_of(part)), left_at_default(part)
    assert known.keys() - told_to(part) - listed == set()
    assert listed - known.keys() == set(), "left at default, but no field of the settings"
    assert listed & told_to(part) == set(), "left at default, but set in the manifests"
    assert not [name for name in listed if known[name]], "left at default, but has none"


@pytest.mark.parametrize("place", EVERY)
def test_only_migration_and_purge_hold_the_key_of_the_owner_of_the_tables(place: Place) -> None:
    owner = f"{place.part.replace('-', '_').upper()}_MIGRATE_URL"
    assert (owner in told(place.container)) == (place.role in ("migrate", "purge-drill"))


@pytest.mark.parametrize("place", EVERY)
def test_no_secret_is_written_in_a_manifest(place: Place) -> None:
    secret = {
        (field.alias or f"{place.part.replace('-', '_')}_{name}").upper()
        for name, field in settings_of(place.part).model_fields.items()
        if "SecretStr" in str(field.annotation)
    }
    for row in place.container.get("env", ()):
        if row["name"] in secret:
            reference = row["valueFrom"]["secretKeyRef"]
            assert reference["key"] == row["name"]
            assert "value" not in row
        elif "valueFrom" in row and "configMapKeyRef" in row["valueFrom"]:
            reference = row["valueFrom"]["configMapKeyRef"]
            assert reference["key"] in config(reference["name"])
    for source in place.container.get("envFrom", ()):
        assert not secret & config(source["configMapRef"]["name"]).keys()


@pytest.mark.parametrize("place", EVERY)
def test_a_container_starts_a_role_that_the_image_has(place: Place) -> None:
    package = place.part.replace("-", "_")
    if place.part == "gateway":
        assert place.container["args"] == ["gateway"]
    else:
        assert place.container["args"] == ["chassis", place.role, package]
    assert place.container["image"] == f"optichain/{place.part}"
    assert "command" not in place.container


@pytest.mark.parametrize("place", DOORS)
def test_what_answers_calls_is_asked_whether_it_is_well_where_it_listens(place: Place) -> None:
    port = place.container["ports"][0]
    listen = settings_of(place.part).model_fields["listen"].default
    assert listen == f"0.0.0.0:{port['containerPort']}"
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = place.container[probe]
        if place.part == "gateway":
            assert asked["httpGet"] == {"path": HEALTH[probe], "port": port["name"]}
        else:
            assert asked["grpc"] == {"port": port["containerPort"]}


def test_the_gateway_has_said_whether_it_is_ready_before_the_cluster_stops_listening() -> None:
    (place,) = [place for place in containers() if place.part == "gateway"]
    asks_for = settings_of("gateway").model_fields["composed_call_seconds"].default
    assert place.container["readinessProbe"]["timeoutSeconds"] > asks_for


@pytest.mark.parametrize("part", PARTS)
def test_a_service_leads_to_its_pods_under_the_name_the_others_call(part: str) -> None:
    documents = documents_in(BASE / f"{part}.yaml")
    service = _one(documents, "Service", part)
    api = _one(documents, "Deployment", f"{part}-api")
    labels = api["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    assert api["spec"]["selector"]["matchLabels"].items() <= labels.items()
    (port,) = service["spec"]["ports"]
    names = {one["name"] for one in api["spec"]["template"]["spec"]["containers"][0]["ports"]}
    assert port["targetPort"] in names
    if part in SERVICES:
        fields = settings_of("gateway").model_fields
        address = fields[f"{part.replace('-', '_')}_address"].default
        assert address == f"{part}:{port['port']}"


def test_the_bridge_that_reads_lines_is_one_and_its_disk_outlives_it() -> None:
    api = _one(documents_in(BASE / "device-bridge.yaml"), "Deployment", "device-bridge-api")
    assert (api["spec"]["replicas"], api["spec"]["strategy"]) == (1, {"type": "Recreate"})
    pod = api["spec"]["template"]["spec"]
    (claim,) = [v["persistentVolumeClaim"] for v in pod["volumes"] if "persistentVolumeClaim" in v]
    assert _one(
        documents_in(BASE / "device-bridge.yaml"), "PersistentVolumeClaim", claim["claimName"]
    )
    (container,) = pod["containers"]
    told_of = {row["name"]: row.get("value") for row in container["env"]}
    mounted = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
    assert told_of["DEVICE_BRIDGE_SPOOL_DIR"] == mounted["spool"]


def test_the_recipe_of_the_images_has_nothing_to_object_to() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [str(hadolint), str(ROOT / "services" / "Dockerfile")], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_recipe_runs_as_the_user_the_manifests_name_and_finds_every_service() -> None:
    recipe = (ROOT / "services" / "Dockerfile").read_text(encoding="utf-8")
    assert f"USER {RESTRICTED_USER}:{RESTRICTED_USER}" in recipe
    assert 'ENTRYPOINT ["python", "-m"]' in recipe
    for part in PARTS:
        assert (ROOT / "services" / part).is_dir() or (ROOT / "gateway" / part).is_dir(), part
    # What checks and tests stands below the heading the recipe cuts at.
    requirements = (ROOT / "requirements.in").read_text(encoding="utf-8")
    runs, heading, _checks = requirements.partition("\n# The platform on one machine")
    assert heading
    for needed in ("grpcio==", "nameko==", "fastapi==", "weasyprint==", "grpcio-tools=="):
        assert needed in runs


def _one(documents: list[Document], kind: str, name: str) -> Document:
    (found,) = [d for d in documents if d["kind"] == kind and d["metadata"]["name"] == name]
    return found
