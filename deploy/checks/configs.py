"""Runs `umbrage check` on every config below deploy/, those within ConfigMaps too."""

import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

DEPLOY = pathlib.Path(__file__).resolve().parent.parent
FEWEST = 3


def configs():
    """Names and texts of every config."""
    for path in sorted(DEPLOY.rglob("umbrage.toml")):
        yield str(path.relative_to(DEPLOY)), path.read_text()
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if document and document["kind"] == "ConfigMap":
                for name, text in document["data"].items():
                    yield f"{path.relative_to(DEPLOY)}:{name}", text


def main():
    """Checks each; a secret that only the place of use has is put where the check finds it."""
    umbrage = sys.argv[1]
    failed = count = 0
    with tempfile.TemporaryDirectory() as work:
        token = pathlib.Path(work) / "token"
        token.write_text("not-a-secret-but-long-enough\n")
        token.chmod(0o600)
        for name, text in configs():
            count += 1
            copy = pathlib.Path(work) / "umbrage.toml"
            copy.write_text(re.sub(r'(?m)^(token_file = )".*"$', rf'\1"{token}"', text))
            ran = subprocess.run([umbrage, "check", "-c", str(copy)], capture_output=True, text=True, timeout=30, check=False)
            print(f"{'ok' if ran.returncode == 0 else 'FAILED'}: {name}")
            if ran.returncode != 0:
                failed += 1
                print(ran.stdout + ran.stderr, file=sys.stderr)
    if count < FEWEST:
        print(f"only {count} configs below deploy/: something was not found", file=sys.stderr)
        failed += 1
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
