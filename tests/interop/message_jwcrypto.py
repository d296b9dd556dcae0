"""Seals and opens messages with jwcrypto: the peer of tests/message/peers.rs.

usage: message_jwcrypto.py seal CERT KEY RECIPIENT AUDIENCE SCOPE < payload
       message_jwcrypto.py open CERT KEY CA AUDIENCE SCOPE < message
"""

import base64
import hashlib
import json
import secrets
import sys
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwcrypto import jwe, jwk, jws

ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "Ed25519": "EdDSA"}


def main():
    command, certificate, key, other, audience, scope = sys.argv[1:]
    certificate, key, other = (open(file, "rb").read() for file in (certificate, key, other))
    if command == "seal":
        print(seal(sys.stdin.buffer.read(), certificate, key, other, audience, scope))
    else:
        sys.stdout.buffer.write(unsealed(sys.stdin.read().strip(), certificate, key, audience))


def seal(payload, certificate, key, recipient, audience, scope):
    chain = x509.load_pem_x509_certificates(certificate)
    subject = chain[0].subject.rfc4514_string().removeprefix("CN=")
    message_id = secrets.token_hex(16)
    binding = {"messageId": message_id, "audience": audience, "subject": subject}
    public = public_key(x509.load_pem_x509_certificate(recipient))
    alg = "RSA-OAEP-256" if public["kty"] == "RSA" else "ECDH-ES+A256KW"
    own = {"alg": alg, "kid": thumbprint(recipient)}
    # The general form, with the members of the one recipient in its own header.
    sealed = jwe.JWE(payload, json.dumps({"enc": "A256GCM", **binding}), algs=[alg, "A256GCM"])
    sealed.add_recipient(public, json.dumps(own))
    flat = json.loads(sealed.serialize())
    one = {name: flat.pop(name) for name in ("header", "encrypted_key")}
    now = datetime.now(timezone.utc)
    envelope = {
        "traceId": secrets.token_hex(16),
        "messageId": message_id,
        "idempotencyKey": secrets.token_hex(16),
        "issuedAt": now.isoformat(),
        "expiresAt": (now + timedelta(seconds=60)).isoformat(),
        "caller": {"subject": subject, "tenantId": "", "serviceId": subject},
        "auth": {"issuer": "peer", "audience": audience, "scopes": [scope]},
        "capability": "read",
        "encryptedPayload": {**flat, "recipients": [one]},
    }
    private = jwk.JWK.from_pem(key)
    alg = "RS256" if private["kty"] == "RSA" else ALGORITHMS[private["crv"]]
    x5c = [base64.b64encode(one.public_bytes(Encoding.DER)).decode() for one in chain]
    signed = jws.JWS(json.dumps(envelope))
    signed.allowed_algs = [alg]
    signed.add_signature(private, alg, json.dumps({"alg": alg, "typ": "peer", "x5c": x5c}))
    return signed.serialize(compact=True)


def unsealed(message, certificate, key, audience):
    signed = jws.JWS()
    signed.allowed_algs = ["ES256", "ES384", "EdDSA", "PS256"]
    signed.deserialize(message)
    leaf = x509.load_der_x509_certificate(base64.b64decode(signed.jose_header["x5c"][0]))
    signed.verify(public_key(leaf))
    envelope = json.loads(signed.payload)
    sealed = jwe.JWE(algs=["ECDH-ES+A256KW", "RSA-OAEP-256", "A256GCM"])
    sealed.deserialize(envelope["encryptedPayload"], jwk.JWK.from_pem(key))
    header = sealed.jose_header
    assert (header["messageId"], header["audience"]) == (envelope["messageId"], audience)
    assert header["kid"] == thumbprint(certificate)
    return sealed.payload


def public_key(certificate):
    key = certificate.public_key()
    return jwk.JWK.from_pem(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def thumbprint(pem):
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()


main()
