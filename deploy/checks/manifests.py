"""Checks what no schema knows: that the files below deploy/ agree with each other and with what they promise."""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib

import kubernetes_validate
import yaml

DEPLOY = pathlib.Path(__file__).resolve().parent.parent
PROBLEMS = []


def must(condition, what):
    """Notes what does not hold."""
    if not condition:
        PROBLEMS.append(what)


def seconds(duration):
    """A duration of a config in seconds."""
    number, unit = re.fullmatch(r"(\d+)(ms|s|m)", duration).groups()
    return int(number) * {"ms": 0.001, "s": 1, "m": 60}[unit]


def documents(path):
    """Every document of a YAML file."""
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def validate(where, document):
    """Holds a Kubernetes object against the schema of its kind; unknown fields are errors."""
    try:
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
    except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
        must(False, f"{where}: {error}")


def kubernetes():
    """Schemas, the built kustomization, and how the pieces fit."""
    folder = DEPLOY / "kubernetes"
    found = {}
    for path in sorted(folder.glob("*.yaml")):
        for document in documents(path):
            if document["kind"] != "Kustomization":
                validate(path.name, document)
                found[document["kind"], document["metadata"]["name"]] = document
    listed = set(documents(folder / "kustomization.yaml")[0]["resources"])
    there = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
    must(listed == there, f"kustomization.yaml lists {sorted(listed)}, there are {sorted(there)}")
    pod = found["Deployment", "umbrage"]["spec"]["template"]["spec"]
    config = tomllib.loads(found["ConfigMap", "umbrage"]["data"]["umbrage.toml"])
    check_pod(pod, config)
    ports = {port["name"] for port in pod["containers"][0]["ports"]}
    for (kind, name), document in found.items():
        if kind == "Service":
            targets = {port["targetPort"] for port in document["spec"]["ports"]}
            must(targets <= ports, f"Service {name} points at {targets - ports}")
    built = build(folder)
    print(f"kubernetes: {len(found)} objects by their schemas, {built} built")


def check_pod(pod, config):
    """What the pod promises."""
    container = pod["containers"][0]
    security = container["securityContext"]
    must(pod["securityContext"]["runAsNonRoot"], "the pod may run as root")
    must(security["readOnlyRootFilesystem"], "the pod's root is writable")
    must(not security["allowPrivilegeEscalation"], "the pod may gain privileges")
    must(security["capabilities"]["drop"] == ["ALL"], "the pod keeps capabilities")
    must(not any("subPath" in mount for mount in container["volumeMounts"]), "a subPath mount never changes")
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    must({mount["name"] for mount in mounts.values()} == {volume["name"] for volume in pod["volumes"]}, "mounts and volumes differ")
    must(str(pathlib.PurePath(config["admin"]["token_file"]).parent) in mounts, "token_file is not mounted")
    must(config["records"]["dir"] in mounts, "records.dir is not mounted")
    must(str(pathlib.PurePath(container["args"][-1]).parent) in mounts, "the config is not mounted")
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    must(config["listen"]["address"].endswith(f":{ports['http']}"), "the http port is not listen.address")
    must(config["admin"]["address"].endswith(f":{ports['admin']}"), "the admin port is not admin.address")
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        must(container[probe]["httpGet"]["port"] == "admin", f"{probe} does not ask the admin address")
    stop = container["lifecycle"]["preStop"]["sleep"]["seconds"] + seconds(config["listen"]["drain_timeout"])
    must(pod["terminationGracePeriodSeconds"] > stop, "the pod is killed before it has drained")


def build(folder):
    """Builds the kustomization where kubectl is there; returns how many objects came out."""
    kubectl = shutil.which("kubectl")
    if not kubectl:
        return "none (no kubectl)"
    with tempfile.TemporaryDirectory() as work:
        copy = pathlib.Path(work) / "kubernetes"
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("admin-token"))
        (copy / "admin-token").write_text("not-a-secret")
        ran = subprocess.run([kubectl, "kustomize", str(copy)], capture_output=True, text=True, timeout=60, check=False)
        must(ran.returncode == 0, f"kubectl kustomize: {ran.stderr}")
        objects = [document for document in yaml.safe_load_all(ran.stdout) if document]
        for document in objects:
            validate("kustomization.yaml", document)
        must(any(document["kind"] == "Secret" for document in objects), "the kustomization makes no Secret")
        return len(objects)


def compose():
    """Mounted files exist, images have versions, nothing is offered beyond loopback, the configs agree."""
    folder = DEPLOY / "compose"
    stack = documents(folder / "compose.yaml")[0]
    config = tomllib.loads((folder / "umbrage" / "umbrage.toml").read_text())
    for name, service in stack["services"].items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                must((folder / source).exists(), f"{name} mounts {source}, which is not there")
            else:
                must(source in stack["volumes"], f"{name} mounts the unknown volume {source}")
        image = service.get("image", "")
        must(":" in image and not image.endswith(":latest"), f"{name} has no version of its image")
        for port in service.get("ports", []):
            must(port.startswith("127.0.0.1:"), f"{name} offers {port} beyond loopback")
        must(set(service.get("depends_on", [])) <= set(stack["services"]), f"{name} depends on what is not there")
        must(set(service.get("secrets", [])) <= set(stack["secrets"]), f"{name} wants an unknown secret")
    umbrage = stack["services"]["umbrage"]
    must((folder / umbrage["build"]["context"] / umbrage["build"]["dockerfile"]).is_file(), "the Dockerfile is not there")
    secret = config["admin"]["token_file"]
    must(secret == "/run/secrets/admin-token", f"token_file is {secret}")
    scrape = documents(folder / "prometheus.yml")[0]["scrape_configs"][0]
    must(scrape["authorization"]["credentials_file"] == secret, "Prometheus reads another token")
    port = config["admin"]["address"].rsplit(":", 1)[1]
    must(scrape["static_configs"][0]["targets"] == [f"umbrage:{port}"], "Prometheus scrapes another address")
    for leg in ("stable", "shadow"):
        host, port = config[leg]["url"].removeprefix("http://").split(":")
        must(any(word.endswith(f":{port}") for word in stack["services"][host]["command"]), f"{leg} does not listen there")
    print(f"compose: {len(stack['services'])} services")


def grafana():
    """The dashboard is one that can be provisioned: ids, places and sources."""
    folder = DEPLOY / "grafana"
    dashboard = json.loads((folder / "umbrage.json").read_text())
    source = documents(folder / "provisioning" / "datasources" / "prometheus.yaml")[0]["datasources"][0]
    path = documents(folder / "provisioning" / "dashboards" / "umbrage.yaml")[0]["providers"][0]["options"]["path"]
    mounts = documents(DEPLOY / "compose" / "compose.yaml")[0]["services"]["grafana"]["volumes"]
    must(any(f":{path}/" in mount for mount in mounts), f"the dashboard is not mounted below {path}")
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    must(variables["datasource"]["current"]["value"] == source["uid"], "the dashboard's source is not provisioned")
    must(dashboard["time"] == {"from": "now-30m", "to": "now"}, "the dashboard does not open on the last 30 minutes")
    panels = dashboard["panels"]
    must(len({panel["id"] for panel in panels}) == len(panels), "two panels have one id")
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        must(place["x"] + place["w"] <= 24, f"{panel['title']!r} is off the grid")
        must(not cells & taken, f"{panel['title']!r} lies on another panel")
        taken |= cells
        if panel["type"] != "row":
            must(panel["targets"] and panel["description"], f"{panel['title']!r} shows or says nothing")
            must(panel["fieldConfig"]["defaults"].get("unit"), f"{panel['title']!r} has no unit")
    rows = [panel["title"] for panel in panels if panel["type"] == "row"]
    print(f"grafana: {len(panels) - len(rows)} panels in {len(rows)} rows")


def image():
    """The image is built in stages, from versions, and is not root."""
    lines = [line.strip() for line in (DEPLOY / "docker" / "Dockerfile").read_text().splitlines()]
    bases = [line.split()[1] for line in lines if line.startswith("FROM ")]
    must(len(bases) >= 2, "the Dockerfile has one stage")
    must(all(":" in base and not base.endswith(":latest") for base in bases), f"a base of {bases} has no version")
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    must(users and users[-1].split(":")[0].isdecimal() and users[-1].split(":")[0] != "0", "the image runs as root, or by name")
    must(any(line.startswith("ENTRYPOINT [") for line in lines), "the entry point is no list, so signals do not reach it")
    ignored = (DEPLOY / "docker" / "Dockerfile.dockerignore").read_text().split()
    kept = {entry[1:] for entry in ignored if entry.startswith("!")}
    must({"Cargo.toml", "Cargo.lock", "src"} <= kept, "the build does not get its sources")
    print(f"image: {' -> '.join(bases)} as {users[-1]}")


def main():
    """Runs every check and tells all problems at once."""
    for check in (kubernetes, compose, grafana, image):
        check()
    for problem in PROBLEMS:
        print(f"problem: {problem}", file=sys.stderr)
    sys.exit(1 if PROBLEMS else 0)


if __name__ == "__main__":
    main()
