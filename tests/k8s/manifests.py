"""The manifests as the cluster would get them, and what each container is told and may do."""

from __future__ import annotations

import functools
import importlib
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic_settings import BaseSettings

ROOT = Path(__file__).parents[2]
BASE = ROOT / "k8s" / "base"
LEFT_AT_DEFAULT = ROOT / "k8s" / "left_at_default.yaml"
PARTS = (
    "organisation",
    "customer",
    "inventory",
    "clinical",
    "billing",
    "labjob",
    "device-bridge",
    "gateway",
)
SERVICES = PARTS[:-1]
Document = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """One container and where it stands."""

    part: str
    document: Document
    pod: Document
    container: Document

    @property
    def name(self) -> str:
        """Kind, name and container, for people."""
        return f"{self.document['metadata']['name']}/{self.container['name']}"

    @property
    def role(self) -> str:
        """api, worker, migrate or purge-drill."""
        return str(self.container["name"])


def documents_in(path: Path) -> list[Document]:
    """Return the documents of one file."""
    return [one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one]


@functools.cache
def rendered() -> tuple[Document, ...]:
    """Return all documents, rendered by kubectl where it is there, else by ourselves."""
    return by_kubectl() if shutil.which("kubectl") else by_hand()


def by_kubectl() -> tuple[Document, ...]:
    """Return all documents as kubectl renders them."""
    command = ["kubectl", "kustomize", str(BASE)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return tuple(yaml.safe_load_all(text))


def by_hand() -> tuple[Document, ...]:
    """Return all documents with what our kustomization sets: release, namespace, label."""
    (kustomization,) = documents_in(BASE / "kustomization.yaml")
    return tuple(
        _kustomized(document, kustomization)
        for name in kustomization["resources"]
        for document in documents_in(BASE / name)
    )


def _kustomized(document: Document, kustomization: Document) -> Document:
    metadata = document["metadata"]
    if document["kind"] != "Namespace":
        metadata["namespace"] = kustomization["namespace"]
    for label in kustomization["labels"]:
        metadata.setdefault("labels", {}).update(label["pairs"])
    releases = {one["name"]: one["newTag"] for one in kustomization["images"]}
    pod = pod_of(document) or {"containers": ()}
    for container in (*pod.get("initContainers", ()), *pod["containers"]):
        container["image"] += f":{releases[container['image']]}"
    return document


def pod_of(document: Document) -> Document | None:
    """Return the pod of a document that makes one."""
    if document["kind"] in ("Deployment", "Job"):
        pod: Document = document["spec"]["template"]["spec"]
        return pod
    if document["kind"] == "CronJob":
        timed: Document = document["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        return timed
    return None


def containers() -> Iterator[Place]:
    """Return every container of every manifest, those that run first included."""
    for part in PARTS:
        for document in documents_in(BASE / f"{part}.yaml"):
            pod = pod_of(document)
            if pod is None:
                continue
            for container in (*pod.get("initContainers", ()), *pod["containers"]):
                yield Place(part, document, pod, container)


def config(name: str) -> dict[str, str]:
    """Return the data of a ConfigMap."""
    for document in documents_in(BASE / "config.yaml"):
        if document["metadata"]["name"] == name:
            data: dict[str, str] = document["data"]
            return data
    raise LookupError(f"no ConfigMap {name}")


def told(container: Document) -> set[str]:
    """Return the names of the environment variables a container gets."""
    names = {row["name"] for row in container.get("env", ())}
    for source in container.get("envFrom", ()):
        names |= config(source["configMapRef"]["name"]).keys()
    return names


def told_to(part: str) -> set[str]:
    """Return the names of the environment variables that some container of a part gets."""
    return {name for place in containers() if place.part == part for name in told(place.container)}


def left_at_default(part: str) -> set[str]:
    """Return the variables of a part that are listed as keeping their default in a cluster."""
    (lists,) = documents_in(LEFT_AT_DEFAULT)
    names = {*lists["every_process"], *lists.get(part, ())}
    if part in SERVICES:
        prefix = part.replace("-", "_").upper()
        names |= {*lists["shared_by_services"]}
        names |= {f"{prefix}_{name}" for name in lists["every_service"]}
    return names


def settings_of(part: str) -> type[BaseSettings]:
    """Return the settings class of a service or of the gateway."""
    module = importlib.import_module(f"{part.replace('-', '_')}.settings")
    settings: type[BaseSettings] = module.Settings
    return settings


def variables(settings: type[BaseSettings]) -> dict[str, bool]:
    """Return the environment variable of every field, and whether it must be set."""
    prefix = settings.model_config.get("env_prefix", "")
    return {
        field.alias or f"{prefix}{name}".upper(): field.is_required()
        for name, field in settings.model_fields.items()
    }
