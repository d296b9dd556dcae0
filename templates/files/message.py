"""Signed and sealed messages, as `openagents-certs message` writes and reads them. Needs joserfc and cryptography.

    python message.py seal alice.crt alice.key bob.message.crt AUDIENCE SCOPE < payload > message.jws
    python message.py open bob.message.crt bob.message.key ca.crt AUDIENCE SCOPE < message.jws > payload
"""

import base64
import hashlib
import json
import secrets
import sys
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.verification import PolicyBuilder, Store
from joserfc import jwe, jws
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.registry import HeaderParameter

SIGNING = ["ES256", "ES384", "EdDSA", "PS256"]
ENCRYPTION = ["ECDH-ES+A256KW", "RSA-OAEP-256", "A256GCM"]
BINDING = {name: HeaderParameter(name, "str") for name in ("messageId", "audience", "subject")}


class Signatures(jws.JWSRegistry):
    """Messages carry certificates in their headers."""

    max_header_length = 1 << 16
    max_payload_length = 1 << 26


class Ciphertexts(jwe.JWERegistry):
    """Payloads are as large as they are."""

    max_protected_header_length = 1 << 16
    max_ciphertext_length = 1 << 26


SIGNATURES = Signatures(algorithms=SIGNING)
CIPHERTEXTS = Ciphertexts(BINDING, ENCRYPTION)


def seal(payload, chain_pem, key_pem, recipient_pem, audience, scope):
    """Signs the payload, encrypted for the owner of one certificate."""
    chain = x509.load_pem_x509_certificates(chain_pem)
    key = private(key_pem)
    now = datetime.now(timezone.utc)
    subject = names(chain[0])[0]
    message_id = secrets.token_hex(16)
    recipient = x509.load_pem_x509_certificate(recipient_pem)
    encrypting = public(recipient)
    alg = "RSA-OAEP-256" if encrypting.key_type == "RSA" else "ECDH-ES+A256KW"
    binding = {"messageId": message_id, "audience": audience, "subject": subject}
    protected = {"alg": alg, "enc": "A256GCM", "kid": thumbprint(recipient), **binding}
    envelope = {
        "traceId": secrets.token_hex(16),
        "messageId": message_id,
        "idempotencyKey": secrets.token_hex(16),
        "issuedAt": now.isoformat(),
        "expiresAt": (now + timedelta(seconds=60)).isoformat(),
        "caller": {"subject": subject, "tenantId": "", "serviceId": subject},
        "auth": {"issuer": chain[0].issuer.rfc4514_string(), "audience": audience, "scopes": [scope]},
        "capability": "tool_call",
        "encryptedPayload": jwe.encrypt_compact(protected, payload, encrypting, registry=CIPHERTEXTS),
    }
    x5c = [base64.b64encode(one.public_bytes(Encoding.DER)).decode() for one in chain]
    header = {"alg": algorithm(key), "typ": "openagents-message+jws", "x5c": x5c}
    return jws.serialize_compact(header, json.dumps(envelope), key, registry=SIGNATURES)


def open_sealed(message, certificate_pem, key_pem, ca_pem, audience, scope):
    """The payload of a sealed message, and its envelope. Does not look for replays."""
    header = json.loads(decode(message.split(".")[0]))
    if set(header) != {"alg", "typ", "x5c"}:
        raise ValueError("malformed")
    chain = [x509.load_der_x509_certificate(base64.b64decode(one)) for one in header["x5c"]]
    store = Store(x509.load_pem_x509_certificates(ca_pem))
    PolicyBuilder().store(store).build_client_verifier().verify(chain[0], chain[1:])
    key = public(chain[0])
    envelope = json.loads(jws.deserialize_compact(message, key, registry=SIGNATURES).payload)
    subject = envelope["caller"]["subject"]
    now = datetime.now(timezone.utc)
    if subject not in names(chain[0]) or envelope["auth"]["audience"] != audience:
        raise ValueError("caller_mismatch or wrong_audience")
    if scope not in envelope["auth"]["scopes"] or datetime.fromisoformat(envelope["expiresAt"]) <= now:
        raise ValueError("missing_scope or expired_message")
    sealed = jwe.decrypt_compact(envelope["encryptedPayload"], private(key_pem), registry=CIPHERTEXTS)
    binding = {"messageId": envelope["messageId"], "audience": audience, "subject": subject}
    own = thumbprint(x509.load_pem_x509_certificate(certificate_pem))
    if any(sealed.protected[name] != value for name, value in {"kid": own, **binding}.items()):
        raise ValueError("malformed")
    return sealed.plaintext, envelope


def names(certificate):
    """The names a message may be sent under: URIs, hosts and mailboxes, or the common name."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return [one.value for one in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    kinds = (x509.UniformResourceIdentifier, x509.DNSName, x509.RFC822Name)
    return [name for kind in kinds for name in found.get_values_for_type(kind)]


def public(certificate):
    key = certificate.public_key()
    return jwk(key, key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def private(pem):
    return jwk(load_pem_private_key(pem, None).public_key(), pem)


def jwk(key, pem):
    kind = RSAKey if isinstance(key, rsa.RSAPublicKey) else ECKey if isinstance(key, ec.EllipticCurvePublicKey) else OKPKey
    return kind.import_key(pem)


def algorithm(key):
    curves = {"P-256": "ES256", "P-384": "ES384", "Ed25519": "EdDSA"}
    return "PS256" if key.key_type == "RSA" else curves[key.curve_name]


def thumbprint(certificate):
    digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def main():
    command, *files, audience, scope = sys.argv[1:]
    contents = [open(file, "rb").read() for file in files]
    if command == "seal":
        print(seal(sys.stdin.buffer.read(), *contents, audience, scope))
    else:
        payload, _ = open_sealed(sys.stdin.read().strip(), *contents, audience, scope)
        sys.stdout.buffer.write(payload)


if __name__ == "__main__":
    main()
