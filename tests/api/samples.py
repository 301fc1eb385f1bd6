"""Objects that tests of the API write."""

from __future__ import annotations

from typing import Any

TASKS = "/apis/ote.baidu.com/v1/namespaces/kube-system/clustercontrollers"
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
TASK_SPEC = {"clusterSelector": "c1", "destination": "api", "method": "GET", "url": "/api/v1/nodes"}


def task(name: str = "t1", **spec: Any) -> dict[str, Any]:
    """A ClusterController."""
    return {
        "apiVersion": "ote.baidu.com/v1",
        "kind": "ClusterController",
        "metadata": {"name": name},
        "spec": {**TASK_SPEC, **spec},
    }


def configmap(name: str = "cm", labels: dict[str, str] | None = None, **data: str) -> dict[str, Any]:
    """A ConfigMap."""
    metadata: dict[str, Any] = {"name": name}
    if labels is not None:
        metadata["labels"] = labels
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(name: str = "web") -> dict[str, Any]:
    """A Deployment with one container."""
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": template},
    }
