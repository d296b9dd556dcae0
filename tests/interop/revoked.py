"""Reads a revocation list with cryptography and checks what it says.

usage: revoked.py CRL CA NUMBER SERIAL=REASON...

CRL is PEM or DER, CA the issuer's certificate; SERIAL is hex without colons, REASON as RFC 5280 spells it, or
empty for none. Exit 0 when the list is signed by the CA, has this number, the extensions and nothing but these entries.
"""

import sys
from pathlib import Path

from cryptography import x509


def main(crl, ca, number, *entries):
    octets = Path(crl).read_bytes()
    load = x509.load_pem_x509_crl if b"-----BEGIN" in octets else x509.load_der_x509_crl
    crl = load(octets)
    ca = x509.load_pem_x509_certificate(Path(ca).read_bytes())
    assert crl.is_signature_valid(ca.public_key()), "signature"
    assert crl.issuer == ca.subject, "issuer"
    assert crl.next_update_utc > crl.last_update_utc, "nextUpdate"
    said = crl.extensions.get_extension_for_class(x509.CRLNumber)
    assert said.value.crl_number == int(number) and not said.critical, f"number {said}"
    authority = crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    subject = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    assert authority.value.key_identifier == subject.value.digest and not authority.critical, "key identifier"
    found = {f"{entry.serial_number:032x}": reason(entry) for entry in crl}
    wanted = dict(entry.split("=") for entry in entries)
    assert found == wanted, f"{found} instead of {wanted}"


def reason(entry):
    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
    except x509.ExtensionNotFound:
        return ""


main(*sys.argv[1:])
