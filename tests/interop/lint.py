"""Lints certificates with pkilint's PKIX rules, each together with its CA.

usage: lint.py CA LEAF…

Of a file with several certificates the first is meant; the linter reads files with one only.
Prints every finding of severity notice and above that is not in EXPECTED; exit 1 when there is one.
"""

import contextlib
import io
import json
import re
import sys
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pkilint.bin import lint_pkix_cert, lint_pkix_signer_signee_cert_chain

# Findings that are no fault, as (code, message, why).
EXPECTED = [
    ("pkix.invalid_domain_name_syntax", r'"[a-z0-9]([a-z0-9-]*[a-z0-9])?"', "a single label is a host name: RFC 1034 §3.5"),
    ("pkix.invalid_domain_name_syntax", r'"\*\.[a-z0-9.-]+"', "a wildcard is what RFC 9525 §6.3 reads"),
    ("pkix.invalid_uri_syntax", r'"spiffe://[a-z0-9./-]+"', "the linter knows web schemes only"),
]


def main(*paths):
    found = 0
    with tempfile.TemporaryDirectory() as directory:
        ca, *leaves = [alone(path, Path(directory) / str(at)) for at, path in enumerate(paths)]
        names = dict(zip((ca, *leaves), paths))
        runs = [(lint_pkix_cert, [path]) for path in (ca, *leaves)]
        runs += [(lint_pkix_signer_signee_cert_chain, [ca, leaf]) for leaf in leaves]
        for linter, arguments in runs:
            for severity, code, message in findings(linter, arguments):
                if not expected(code, message):
                    found += 1
                    print(f"{names[arguments[-1]]}: {severity}: {code}: {message}")
    sys.exit(1 if found else 0)


def alone(path, place):
    """The path of a file with nothing but the first certificate of another."""
    first = x509.load_pem_x509_certificates(Path(path).read_bytes())[0]
    place.write_bytes(first.public_bytes(Encoding.PEM))
    return str(place)


def findings(linter, arguments):
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        linter.main(["lint", *arguments, "-f", "JSON", "-s", "NOTICE"])
    for result in json.loads(output.getvalue())["results"]:
        for finding in result["finding_descriptions"]:
            yield finding["severity"], finding["code"], finding.get("message") or ""


def expected(code, message):
    return any(code == known and re.search(pattern + "$", message) for known, pattern, _ in EXPECTED)


main(*sys.argv[1:])
