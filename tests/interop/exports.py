"""Reads what `export` makes with Python's cryptography, and checks the objects of Kubernetes.

Usage: exports.py pkcs12 FILE PASSWORD | secret FILE CERTIFICATE KEY CA | config-map FILE CA | jwk FILE KEY
"""

import base64
import json
import re
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
KEY = re.compile(r"[-._a-zA-Z0-9]+")


def octets(path):
    with open(path, "rb") as file:
        return file.read()


def check_pkcs12(path, password):
    store = pkcs12.load_pkcs12(octets(path), password.encode())
    assert store.key.public_key() == store.cert.certificate.public_key()
    assert store.additional_certs


def scalars(path):
    """The fields of a flat object of Kubernetes, without a YAML library: indentation and `key: value`."""
    fields, parents = {}, []
    lines = octets(path).decode().split("\n")
    while lines:
        line = lines.pop(0)
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        key, _, value = line.strip().partition(":")
        parents = parents[: indent // 2] + [key]
        value = value.strip()
        if value == "|":
            block = []
            while lines and lines[0].startswith(" " * (indent + 2)):
                block.append(lines.pop(0)[indent + 2 :] + "\n")
            value = "".join(block)
        elif value.startswith('"'):
            value = json.loads(value)
        if value:
            fields["/".join(parents)] = value
    return fields


def check_object(fields, kind):
    """The facts of the core/v1 schema that an API server checks."""
    assert fields["apiVersion"] == "v1" and fields["kind"] == kind
    name = fields["metadata/name"]
    assert NAME.fullmatch(name) and len(name) <= 253, name
    for field in fields:
        if field.startswith("data/"):
            assert KEY.fullmatch(field[5:]), field
    top = {field.split("/")[0] for field in fields}
    assert top <= {"apiVersion", "kind", "metadata", "type", "data"}, top


def check_secret(path, certificate, key, ca):
    fields = scalars(path)
    check_object(fields, "Secret")
    assert fields["type"] == "kubernetes.io/tls"
    data = {f[5:]: base64.b64decode(v, validate=True) for f, v in fields.items() if f.startswith("data/")}
    assert data == {"tls.crt": octets(certificate), "tls.key": octets(key), "ca.crt": octets(ca)}


def check_config_map(path, ca):
    fields = scalars(path)
    check_object(fields, "ConfigMap")
    assert fields["data/ca.crt"] == octets(ca).decode()


def check_jwk(path, key):
    jwk = json.loads(octets(path))
    number = lambda name: int.from_bytes(base64.urlsafe_b64decode(jwk[name] + "=="), "big")
    read = serialization.load_pem_private_key(octets(key), None)
    assert isinstance(read, ec.EllipticCurvePrivateKey) and jwk["kty"] == "EC"
    numbers = read.private_numbers()
    assert (number("x"), number("y")) == (numbers.public_numbers.x, numbers.public_numbers.y)
    assert number("d") == numbers.private_value


CHECKS = {
    "pkcs12": check_pkcs12,
    "secret": check_secret,
    "config-map": check_config_map,
    "jwk": check_jwk,
}
CHECKS[sys.argv[1]](*sys.argv[2:])
