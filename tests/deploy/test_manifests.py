"""What deploy/ promises beyond its schemas: times that fit each other, no shared fate, nobody with more rights."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from halfopen.app.configuration import load
from halfopen.app.processes import supervisor
from halfopen.app.processes.kept_child import SILENT_S
from halfopen.app.processes.worker import DRAIN_S

DEPLOY = Path(__file__).parents[2] / "deploy"
GATEWAYS = ("gateway-a", "gateway-b")
KEYS = {"OPENAI_API_KEY": "k1", "ANTHROPIC_API_KEY": "k2", "REDIS_URL": "redis://:k3@valkey:6379/0"}
END_MAX_S = supervisor._WORKERS_END_S + supervisor._CONTROL_END_S
"""From SIGTERM to the end of the supervisor."""
SPARE_S = 5


def manifests() -> dict[str, dict[str, Any]]:
    """Every Kubernetes object by its kind."""
    paths = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    found = [each for path in paths for each in yaml.safe_load_all(path.read_text()) if each]
    kinds = {each["kind"]: each for each in found}
    assert len(kinds) == len(found) == len(paths)
    return kinds


def pod() -> dict[str, Any]:
    """What the Deployment makes."""
    spec: dict[str, Any] = manifests()["Deployment"]["spec"]["template"]["spec"]
    return spec


def container() -> dict[str, Any]:
    """Its one container."""
    (only,) = pod()["containers"]
    found: dict[str, Any] = only
    return found


def services() -> dict[str, dict[str, Any]]:
    """Of the compose file."""
    found: dict[str, dict[str, Any]] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    return found


def seconds(text: str) -> float:
    """Of a duration such as 30s."""
    match = re.fullmatch(r"(\d+)s", text)
    assert match, text
    return float(match[1])


def test_the_configuration_can_be_served() -> None:
    """By a process that has the keys, on an address that others reach."""
    loaded = load(DEPLOY / "halfopen.toml", KEYS)
    assert loaded.snapshot.gateway.host == "0.0.0.0"
    assert loaded.snapshot.gateway.port == 8500
    assert [warning.place for warning in loaded.warnings] == ["gateway.host"]


def test_workers_are_not_counted_by_the_machine() -> None:
    """A node's processors are not those of a pod."""
    workers = load(DEPLOY / "halfopen.toml", KEYS).snapshot.processes.workers
    assert workers > 0
    assert int(container()["resources"]["requests"]["cpu"]) == workers
    assert "cpu" not in container()["resources"]["limits"]


def test_kubernetes_and_compose_serve_the_same_file() -> None:
    """The ConfigMap is deploy/halfopen.toml."""
    assert manifests()["ConfigMap"]["data"]["halfopen.toml"] == (DEPLOY / "halfopen.toml").read_text()


def test_the_keys_that_the_file_names_are_handed_over() -> None:
    """By the Secret and by compose, as references, and no value of one is in either."""
    named = set(re.findall(r"\$\{(\w+)\}", (DEPLOY / "halfopen.toml").read_text()))
    secret = manifests()["Secret"]
    assert named == set(secret["stringData"])
    addresses = {"REDIS_URL": "redis://:put-yours-here@valkey:6379/0"}
    for name, value in secret["stringData"].items():
        assert value == addresses.get(name, "put-yours-here"), name
    assert container()["envFrom"] == [{"secretRef": {"name": secret["metadata"]["name"]}}]
    for name in GATEWAYS:
        environment = services()[name]["environment"]
        assert named == set(environment)
        keys = {key: value for key, value in environment.items() if key != "REDIS_URL"}
        assert all(value.startswith(f"${{{key}:?") for key, value in keys.items())


def test_probes_ask_the_pod_alone() -> None:
    """Over its own port, for the two paths that look at nothing shared."""
    spec = container()
    paths = {probe: spec[probe]["httpGet"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")}
    assert paths == {
        "startupProbe": {"path": "/readyz", "port": "http"},
        "readinessProbe": {"path": "/readyz", "port": "http"},
        "livenessProbe": {"path": "/healthz", "port": "http"},
    }
    assert "initContainers" not in pod()


def test_the_supervisor_mends_before_the_kubelet_does() -> None:
    """A frozen worker is replaced before its pod is."""
    probe = container()["livenessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 3 * SILENT_S


def test_a_pod_ends_only_after_its_drain() -> None:
    """preStop, the drain and some time to spare fit into the grace period."""
    command, wait_s = container()["lifecycle"]["preStop"]["exec"]["command"]
    assert command == "sleep"
    assert pod()["terminationGracePeriodSeconds"] >= int(wait_s) + END_MAX_S + SPARE_S
    # A plain answer that began just before the pod left the Service comes to its end.
    deadline_s = load(DEPLOY / "halfopen.toml", KEYS).snapshot.routes["gpt-4o-mini"].options.deadline_s
    assert int(wait_s) + DRAIN_S >= deadline_s


def test_containers_of_compose_end_after_their_drain() -> None:
    """And the front after the gateways behind it."""
    found = services()
    for name in GATEWAYS:
        assert seconds(found[name]["stop_grace_period"]) >= END_MAX_S + SPARE_S
        assert seconds(found["front"]["stop_grace_period"]) > seconds(found[name]["stop_grace_period"])


def test_a_rollout_never_has_fewer_pods_than_wanted() -> None:
    """And an eviction takes one at a time."""
    found = manifests()
    assert found["Deployment"]["spec"]["replicas"] == 3
    assert found["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert found["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1
    assert found["HorizontalPodAutoscaler"]["spec"]["minReplicas"] >= 3


def test_everything_selects_the_same_pods() -> None:
    """Service, budget, policy and autoscaler mean the pods of the Deployment."""
    found = manifests()
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert found["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert found["Service"]["spec"]["selector"] == labels
    assert found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    target = found["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", found["Deployment"]["metadata"]["name"])


def test_pods_have_no_rights_that_they_do_not_need() -> None:
    """The restricted standard of Kubernetes, and a root file system that nobody writes to."""
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    security = pod()["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod()["automountServiceAccountToken"] is False
    user = f"USER {security['runAsUser']}:{security['runAsGroup']}"
    assert user in (DEPLOY / "Dockerfile").read_text().splitlines()


@pytest.mark.parametrize("name", ["gateway-a", "gateway-b", "front", "valkey"])
def test_containers_of_compose_have_no_rights_that_they_do_not_need(name: str) -> None:
    """Read-only, no capability, no new privileges."""
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_state_is_a_directory_inside_the_mount() -> None:
    """Not the mount itself, which belongs to root; and no two gateways share one."""
    state = Path(load(DEPLOY / "halfopen.toml", KEYS).snapshot.processes.state_dir)
    mounts = {mount["name"]: Path(mount["mountPath"]) for mount in container()["volumeMounts"]}
    assert mounts["state"] == state.parent
    volumes = {volume["name"]: volume for volume in pod()["volumes"]}
    assert "emptyDir" in volumes["state"]
    places = [services()[name]["volumes"][0].split(":") for name in GATEWAYS]
    assert [place[1] for place in places] == [str(state.parent)] * 2
    assert len({place[0] for place in places}) == 2


def test_a_gateway_of_compose_waits_for_nobody() -> None:
    """Valkey may be gone when it starts."""
    for name in GATEWAYS:
        assert "depends_on" not in services()[name]
        assert "/readyz" in services()[name]["healthcheck"]["test"][-1]


def test_gateways_of_compose_share_by_its_valkey() -> None:
    """At its name and port, without a password: nobody else is on its network, and it has no way out."""
    found = services()
    (network,) = found["valkey"]["networks"]
    assert {name for name, each in found.items() if network in each["networks"]} == {*GATEWAYS, "valkey"}
    assert "ports" not in found["valkey"]
    for name in GATEWAYS:
        assert found[name]["environment"]["REDIS_URL"] == "redis://valkey:6379/0"
    networks = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["networks"]
    assert networks[network] == {"internal": True}


def test_replicas_share_what_the_configuration_says() -> None:
    """By the address in the environment; as many as there may be, until Redis has said how many there are."""
    snapshot = load(DEPLOY / "halfopen.toml", KEYS).snapshot
    assert snapshot.redis.url == "${REDIS_URL}"
    most = manifests()["HorizontalPodAutoscaler"]["spec"]["maxReplicas"]
    assert snapshot.processes.replicas == most >= len(GATEWAYS)


def test_pods_reach_the_redis_of_the_secret() -> None:
    """The network policy lets them, at the port of the example's address."""
    address = urlsplit(manifests()["Secret"]["stringData"]["REDIS_URL"])
    ports = {
        port["port"]
        for rule in manifests()["NetworkPolicy"]["spec"]["egress"]
        for to in rule["to"]
        if to.get("podSelector", {}).get("matchLabels") == {"app.kubernetes.io/name": address.hostname}
        for port in rule["ports"]
    }
    assert ports == {address.port}


def test_the_image_has_the_client_of_redis() -> None:
    """Its pins are those of the extra."""
    (pins,) = re.findall(
        r"COPY (requirements/\S+) .*\nRUN python -m venv /opt", (DEPLOY / "Dockerfile").read_text()
    )
    text = (DEPLOY.parent / pins).read_text()
    assert re.search(r"^redis==", text, re.MULTILINE)


def test_images_are_pinned() -> None:
    """By a tag that says which version, everywhere."""
    images = [service["image"] for service in services().values()]
    images += [
        line.split()[1] for line in (DEPLOY / "Dockerfile").read_text().splitlines() if "FROM python" in line
    ]
    images.append(container()["image"])
    assert len(images) == 8
    for image in images:
        assert re.search(r":(\$\{\w+(:-local)?\}|\d)", image), image
        assert "latest" not in image
