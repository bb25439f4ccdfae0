"""Asks every query of the dashboard and of the rules of a real Prometheus that scrapes a real, busy Umbrage.

A query must succeed; it must have data too, unless everything it asks about may rightly never have happened.
Everything is on loopback and free ports; whatever is started here is ended here.
"""

import contextlib
import json
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

DEPLOY = pathlib.Path(__file__).resolve().parent.parent
TOKEN = "not-a-secret-but-long-enough"
START_WITHIN = 30
DATA_WITHIN = 90
TRAFFIC_FOR = 150

# What may rightly never have happened: a series that a counter has only once something has gone wrong.
MAY_BE_EMPTY = re.compile(
    "umbrage_(client_connection_errors_total|leg_errors_total|incomparable_total|shadow_plane_panics_total)"
)

CONFIG = """
[listen]
address = "127.0.0.1:{listen}"
[stable]
url = "http://{stable}"
[shadow]
url = "http://{shadow}"
version = "check"
[control]
percent = 50
[mirror]
percent = 100
[records]
dir = "{work}/records"
[admin]
address = "127.0.0.1:{admin}"
token_file = "{token}"
"""


class Failed(Exception):
    """What does not hold."""


def free_port():
    """A port that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url, token=None):
    """Status and text of a page."""
    request = urllib.request.Request(url)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except OSError as error:
        return 0, str(error)


def wait_for(what, within, condition):
    """Asks until the condition gives something; fails with what it gave last."""
    end = time.monotonic() + within
    while True:
        done, last = condition()
        if done:
            return last
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {within} s; last: {last}")
        time.sleep(0.1)


@contextlib.contextmanager
def running(name, command, work, **options):
    """A process for as long as the block lasts; its log is shown if the block fails."""
    log = work / f"{name}.log"
    with log.open("w") as sink:
        process = subprocess.Popen(command, stderr=sink, stdin=subprocess.DEVNULL, **options)
        try:
            yield process
            if process.poll() is not None:
                raise Failed(f"{name} ended by itself with {process.returncode}")
        except BaseException:
            sink.flush()
            print(f"-- {name} said:\n{log.read_text()[-4000:]}", file=sys.stderr)
            raise
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=10)
            if process.stdout:
                process.stdout.close()


@contextlib.contextmanager
def backend(name, work, *arguments):
    """One example backend; yields its address."""
    script = str(DEPLOY / "compose" / "backend" / "orders.py")
    with running(name, [sys.executable, "-u", script, *arguments], work, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        if not line.startswith("listening on "):
            raise Failed(f"{name} does not listen: {line!r}")
        yield line.split()[-1]


def prometheus_config(work, admin, token):
    """The compose stack's own config, with the places that are elsewhere here."""
    text = (DEPLOY / "compose" / "prometheus.yml").read_text()
    elsewhere = {
        "umbrage:9901": f"127.0.0.1:{admin}",
        "/run/secrets/admin-token": str(token),
        "/etc/prometheus/rules.yml": str(DEPLOY / "prometheus" / "rules.yml"),
        "scrape_interval: 5s": "scrape_interval: 1s",
        "evaluation_interval: 15s": "evaluation_interval: 1s",
    }
    for ours, here in elsewhere.items():
        if ours not in text:
            raise Failed(f"compose/prometheus.yml has no {ours!r}")
        text = text.replace(ours, here)
    path = work / "prometheus.yml"
    path.write_text(text)
    subprocess.run(["promtool", "check", "config", str(path)], check=True, timeout=30, stdout=subprocess.DEVNULL)
    return path


def dashboard_queries():
    """(title, query) of everything that the dashboard asks, its variables put in."""
    dashboard = json.loads((DEPLOY / "grafana" / "umbrage.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], filled(target["expr"])
    for variable in dashboard["templating"]["list"]:
        if asked := re.fullmatch(r"label_values\((\w+), (\w+)\)", variable.get("definition", "")):
            yield f"variable {variable['name']}", f"group by ({asked[2]}) ({asked[1]})"


def annotation_queries():
    """Queries that mark moments: there need be none."""
    dashboard = json.loads((DEPLOY / "grafana" / "umbrage.json").read_text())
    for annotation in dashboard["annotations"]["list"]:
        yield annotation["name"], filled(annotation["expr"])


def filled(query):
    """The query with Grafana's variables put in."""
    query = query.replace("$__rate_interval", "15s").replace("$route", ".*")
    if "$" in query:
        raise Failed(f"an unknown variable in {query}")
    return query


def ask(prometheus, query):
    """The samples that are numbers, or the reason why there is no answer."""
    status, text = get(f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query})}")
    answer = json.loads(text) if text.startswith("{") else {"error": text}
    if status != 200 or answer.get("status") != "success":
        raise Failed(f"{query}: {answer.get('error')}")
    return [sample["value"][1] for sample in answer["data"]["result"] if sample["value"][1] != "NaN"]


def wants_data(query):
    """Whether the query asks about anything that must have happened."""
    metrics = set(re.findall(r"umbrage_\w+", query))
    return bool(metrics) and not all(MAY_BE_EMPTY.match(metric) for metric in metrics)


def check_queries(prometheus):
    """Every query succeeds, and has data where it must, within the deadline."""
    queries = list(dashboard_queries())
    if len(queries) < 30:
        raise Failed(f"the dashboard has only {len(queries)} queries")
    waiting = [(title, query) for title, query in queries if wants_data(query)]
    for _, query in [*queries, *annotation_queries()]:
        ask(prometheus, query)

    def all_have_data():
        waiting[:] = [(title, query) for title, query in waiting if not ask(prometheus, query)]
        return not waiting, "\n".join(f"  no data: {title}: {query}" for title, query in waiting)

    wait_for("data for every panel", DATA_WITHIN, all_have_data)
    print(f"{len(queries)} queries of the dashboard: all succeed, {sum(wants_data(q) for _, q in queries)} with data")


def check_rules(prometheus):
    """Every rule is loaded and evaluated without an error, and nothing pages."""

    def evaluated():
        _, text = get(f"{prometheus}/api/v1/rules")
        rules = [rule for group in json.loads(text)["data"]["groups"] for rule in group["rules"]]
        return bool(rules) and all(rule["health"] == "ok" for rule in rules), rules

    rules = wait_for("rules", START_WITHIN, evaluated)
    pages = [rule["name"] for rule in rules if rule["state"] == "firing" and rule["labels"]["severity"] == "page"]
    if pages:
        raise Failed(f"a healthy proxy pages: {pages}")
    print(f"{len(rules)} rules: all evaluated")


def check_page(admin):
    """The metrics page is well-formed by promtool's own word, and wants its token."""
    if (status := get(f"{admin}/metrics")[0]) not in (401, 403):
        raise Failed(f"/metrics without the token: {status}")
    status, page = get(f"{admin}/metrics", TOKEN)
    if status != 200:
        raise Failed(f"/metrics: {status}")
    ran = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, timeout=30, check=False)
    if ran.returncode != 0:
        raise Failed(f"promtool check metrics: {ran.stdout}{ran.stderr}")
    print(f"metrics page: {sum(not line.startswith('#') for line in page.splitlines())} series, well-formed")


def traffic(address, work, stack):
    """Customers, for as long as the check lasts."""
    script = str(DEPLOY / "compose" / "backend" / "customers.py")
    command = [sys.executable, script, "--url", f"http://{address}", "--for", str(TRAFFIC_FOR), "--every", "0.01"]
    stack.enter_context(running("customers", command, work))


def check(umbrage, work):
    """Starts everything and asks everything."""
    token = work / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    listen, admin_port, port = free_port(), free_port(), free_port()
    admin, prometheus = f"http://127.0.0.1:{admin_port}", f"http://127.0.0.1:{port}"
    with contextlib.ExitStack() as stack:
        stable = stack.enter_context(backend("stable", work))
        shadow = stack.enter_context(backend("shadow", work, "--rewrite"))
        config = work / "umbrage.toml"
        config.write_text(
            CONFIG.format(listen=listen, admin=admin_port, stable=stable, shadow=shadow, work=work, token=token)
        )
        stack.enter_context(running("umbrage", [umbrage, "run", "-c", str(config)], work, cwd=work))
        wait_for("readiness", START_WITHIN, lambda: ((answer := get(f"{admin}/readyz"))[0] == 200, answer))
        traffic(f"127.0.0.1:{listen}", work, stack)
        command = ["prometheus", f"--config.file={prometheus_config(work, admin_port, token)}"]
        command += [f"--storage.tsdb.path={work}/tsdb", f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
        stack.enter_context(running("prometheus", command, work, cwd=work))
        wait_for("prometheus", START_WITHIN, lambda: ((answer := get(f"{prometheus}/-/ready"))[0] == 200, answer))
        check_queries(prometheus)
        check_rules(prometheus)
        check_page(admin)


def main():
    """Exit code 1 and the reason if something does not hold."""
    umbrage = str(pathlib.Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as work:
        try:
            check(umbrage, pathlib.Path(work))
        except (Failed, subprocess.SubprocessError) as error:
            print(f"failed: {error}", file=sys.stderr)
            sys.exit(1)


if __name__ == "__main__":
    main()
