"""Verifies one certificate with the X.509 verifier of Python `cryptography`.

usage: verifier.py CA LEAF server NAME|client

Exit 0 when it is accepted, 1 with the reason when it is not.
"""

import ipaddress
import sys
from pathlib import Path

from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError


def main(ca, leaf, purpose, name=None):
    anchors = x509.load_pem_x509_certificates(Path(ca).read_bytes())
    first, *intermediates = x509.load_pem_x509_certificates(Path(leaf).read_bytes())
    builder = PolicyBuilder().store(Store(anchors))
    verifier = builder.build_server_verifier(subject(name)) if purpose == "server" else builder.build_client_verifier()
    try:
        verifier.verify(first, intermediates)
    except VerificationError as error:
        sys.exit(f"{leaf}: refused as a {purpose}'s certificate: {error}")
    print(f"{leaf}: accepted as a {purpose}'s certificate")


def subject(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


main(*sys.argv[1:])
