"""Lints certificates with pkilint's PKIX rules, each together with its CA.

usage: lint.py CA LEAF…

Prints every finding of severity notice and above that is not in EXPECTED; exit 1 when there is one.
"""

import contextlib
import io
import json
import re
import sys

from pkilint.bin import lint_pkix_cert, lint_pkix_signer_signee_cert_chain

# Findings that are no fault, as (code, message, why).
EXPECTED = [
    ("pkix.invalid_domain_name_syntax", r'"[a-z0-9]([a-z0-9-]*[a-z0-9])?"', "a single label is a host name: RFC 1034 §3.5"),
    ("pkix.invalid_domain_name_syntax", r'"\*\.[a-z0-9.-]+"', "a wildcard is what RFC 9525 §6.3 reads"),
    ("pkix.invalid_uri_syntax", r'"spiffe://[a-z0-9./-]+"', "the linter knows web schemes only"),
]


def main(ca, *leaves):
    found = 0
    for arguments, linter in [([path], lint_pkix_cert) for path in (ca, *leaves)] + [
            ([ca, leaf], lint_pkix_signer_signee_cert_chain) for leaf in leaves]:
        for severity, code, message in findings(linter, arguments):
            if not expected(code, message):
                found += 1
                print(f"{arguments[-1]}: {severity}: {code}: {message}")
    sys.exit(1 if found else 0)


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
