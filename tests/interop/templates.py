"""Reads a file made by `template write` as those read it that it is for, and prints it as JSON.

usage: templates.py github|gitlab|compose|kubernetes|manifests|envoy|yaml|python FILE

The schemas come with check-jsonschema (GitHub, GitLab, Compose) and kubernetes-validate; Envoy's are its own
messages, from xds-protos. Of Python's file, the arguments of `async_start` are printed.
"""

import ast
import json
import os
import subprocess
import sys

SCHEMAS = {
    "github": "vendor.github-workflows",
    "gitlab": "vendor.gitlab-ci",
    "compose": "vendor.compose-spec",
}


def main():
    kind, file = sys.argv[1:]
    if kind == "python":
        return print(json.dumps(arguments(file)))
    from ruamel.yaml import YAML

    with open(file, encoding="utf-8") as stream:
        documents = list(YAML(typ="safe").load_all(stream))
    content = documents if kind in ("yaml", "manifests") else documents[0]
    if kind == "yaml":
        pass
    elif kind in SCHEMAS:
        checked([sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMAS[kind], file])
    elif kind in ("kubernetes", "manifests"):
        import kubernetes_validate

        for document in documents:
            kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
    elif kind == "envoy":
        envoy(content)
    else:
        sys.exit(f"what is {kind}?")
    # `on` is true in YAML 1.1.
    print(json.dumps(content, default=str))


def checked(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)


def envoy(content):
    from google.protobuf import json_format
    from envoy.config.bootstrap.v3 import bootstrap_pb2

    # What is in an Any is known once it was imported.
    import envoy.extensions.filters.http.router.v3.router_pb2  # noqa: F401
    import envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2  # noqa: F401
    import envoy.extensions.transport_sockets.tls.v3.tls_pb2  # noqa: F401
    import envoy.extensions.upstreams.http.v3.http_protocol_options_pb2  # noqa: F401

    json_format.ParseDict(content, bootstrap_pb2.Bootstrap())


def arguments(file):
    with open(file, encoding="utf-8") as stream:
        tree = ast.parse(stream.read())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    start = next(call for call in calls if getattr(call.func, "attr", "") == "async_start")
    return {word.arg: os.fsencode(word.value.value).hex() for word in start.keywords}


main()
