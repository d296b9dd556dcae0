"""Certificates and keys octet by octet, so that they can also be wrong: DER built here, signed by `cryptography`."""

import base64
import datetime
import hashlib
import ipaddress
from functools import cache

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa

# ---- DER


def tlv(tag, *parts):
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def sequence(*parts):
    return tlv(0x30, *parts)


def integer(number):
    return tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def oid(dotted):
    first, second, *rest = map(int, dotted.split("."))
    octets = b""
    for arc in [40 * first + second, *rest]:
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | arc & 0x7F)
        octets += bytes(reversed(groups))
    return tlv(0x06, octets)


def utf8(text):
    return tlv(0x0C, text.encode())


def printable(text):
    return tlv(0x13, text.encode())


def octets(*parts):
    return tlv(0x04, *parts)


def bits(octets, unused=0):
    return tlv(0x03, bytes([unused]), octets)


def context(number, *parts, constructed=True):
    return tlv((0xA0 if constructed else 0x80) | number, *parts)


def utc_time(at):
    return tlv(0x17, at.strftime("%y%m%d%H%M%SZ").encode())


def generalized_time(at):
    return tlv(0x18, at.strftime("%Y%m%d%H%M%SZ").encode())


def time(at):
    """As RFC 5280 wants it: UTCTime until 2049."""
    return at if isinstance(at, bytes) else utc_time(at) if at.year < 2050 else generalized_time(at)


NULL, TRUE = tlv(0x05), tlv(0x01, b"\xff")

# ---- names


def name(*attributes, string=utf8):
    """name(("2.5.4.3", "localhost")): each attribute its own RDN."""
    return sequence(*(tlv(0x31, sequence(oid(kind), text if isinstance(text, bytes) else string(text)))
                      for kind, text in attributes))


def common_name(text, string=utf8):
    return name((COMMON_NAME, text), string=string)


COMMON_NAME, ORGANIZATION = "2.5.4.3", "2.5.4.10"


def dns(text):
    return context(2, text if isinstance(text, bytes) else text.encode(), constructed=False)


def email(text):
    return context(1, text.encode(), constructed=False)


def uri(text):
    return context(6, text.encode(), constructed=False)


def directory(name):
    return context(4, name)


def ip(text):
    """An address, or a subnet as name constraints hold it; octets as they are."""
    if isinstance(text, bytes):
        return context(7, text, constructed=False)
    if "/" in text:
        network = ipaddress.ip_network(text)
        return context(7, network.network_address.packed, network.netmask.packed, constructed=False)
    return context(7, ipaddress.ip_address(text).packed, constructed=False)


# ---- keys


class Key:
    """A private key, its SubjectPublicKeyInfo and how it signs by default."""

    def __init__(self, kind, private):
        self.kind, self.private = kind, private
        self.spki = private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.identifier = hashlib.sha1(self.spki).digest()

    def pem(self, form=serialization.PrivateFormat.PKCS8, password=None):
        encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        return self.private.private_bytes(serialization.Encoding.PEM, form, encryption)

    def der(self):
        return self.private.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    def default_hash(self):
        return {"p384": "sha384", "p521": "sha512", "brainpool384": "sha384"}.get(self.kind, "sha256")

    def sign(self, what, how):
        """(algorithm identifier, signature): how is a hash, "pss-" and a hash, or None for the default."""
        how = how or self.default_hash()
        pss, digest = how.startswith("pss-"), HASHES[how.removeprefix("pss-")]
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return sequence(oid("1.3.101.112")), self.private.sign(what)
        if isinstance(self.private, ed448.Ed448PrivateKey):
            return sequence(oid("1.3.101.113")), self.private.sign(what)
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            return sequence(oid(ECDSA[how])), self.private.sign(what, ec.ECDSA(digest()))
        if pss:
            scheme = padding.PSS(padding.MGF1(digest()), digest.digest_size)
            return pss_algorithm(how.removeprefix("pss-")), self.private.sign(what, scheme, digest())
        return sequence(oid(RSA[how]), NULL), self.private.sign(what, padding.PKCS1v15(), digest())


def pss_algorithm(digest):
    hashed = sequence(oid(DIGESTS[digest]), NULL)
    return sequence(oid("1.2.840.113549.1.1.10"), sequence(
        context(0, hashed), context(1, sequence(oid("1.2.840.113549.1.1.8"), hashed)),
        context(2, integer(HASHES[digest].digest_size))))


HASHES = {"md5": hashes.MD5, "sha1": hashes.SHA1, "sha224": hashes.SHA224, "sha256": hashes.SHA256,
          "sha384": hashes.SHA384, "sha512": hashes.SHA512}
DIGESTS = {"sha1": "1.3.14.3.2.26", "sha256": "2.16.840.1.101.3.4.2.1", "sha384": "2.16.840.1.101.3.4.2.2",
           "sha512": "2.16.840.1.101.3.4.2.3"}
RSA = {"md5": "1.2.840.113549.1.1.4", "sha1": "1.2.840.113549.1.1.5", "sha224": "1.2.840.113549.1.1.14",
       "sha256": "1.2.840.113549.1.1.11", "sha384": "1.2.840.113549.1.1.12", "sha512": "1.2.840.113549.1.1.13"}
ECDSA = {"sha1": "1.2.840.10045.4.1", "sha224": "1.2.840.10045.4.3.1", "sha256": "1.2.840.10045.4.3.2",
         "sha384": "1.2.840.10045.4.3.3", "sha512": "1.2.840.10045.4.3.4"}
CURVES = {"p224": ec.SECP224R1, "p256": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1,
          "k256": ec.SECP256K1, "brainpool256": ec.BrainpoolP256R1, "brainpool384": ec.BrainpoolP384R1}


@cache
def key(kind, which):
    """The key of a kind ("p256", "rsa2048", "rsa2048-e3"); `which` tells several of a kind apart."""
    if kind in CURVES:
        return Key(kind, ec.generate_private_key(CURVES[kind]()))
    if kind == "ed25519":
        return Key(kind, ed25519.Ed25519PrivateKey.generate())
    if kind == "ed448":
        return Key(kind, ed448.Ed448PrivateKey.generate())
    size, _, exponent = kind.removeprefix("rsa").partition("-e")
    return Key(kind, rsa.generate_private_key(int(exponent or 65537), int(size)))


# ---- extensions


def extension(kind, value, critical=False):
    return sequence(oid(kind), TRUE if critical else b"", octets(value))


def basic_constraints(authority, path_length=None, critical=True):
    length = b"" if path_length is None else integer(path_length)
    return extension("2.5.29.19", sequence(TRUE if authority else b"", length), critical)


def key_usage(*uses, critical=True):
    number = sum(1 << (15 - KEY_USAGES.index(use)) for use in uses)
    raw = number.to_bytes(2, "big").rstrip(b"\0")
    unused = (raw[-1] & -raw[-1]).bit_length() - 1 if raw else 0
    return extension("2.5.29.15", bits(raw, unused), critical)


def extended_key_usage(*uses):
    return extension("2.5.29.37", sequence(*(oid(PURPOSES.get(use, use)) for use in uses)))


def alternative_names(*names, critical=False):
    return extension("2.5.29.17", sequence(*names), critical)


def name_constraints(permitted=(), excluded=(), critical=True):
    trees = [context(at, *(sequence(base) for base in bases))
             for at, bases in enumerate((permitted, excluded)) if bases]
    return extension("2.5.29.30", sequence(*trees), critical)


def subject_key_identifier(identifier):
    return extension("2.5.29.14", octets(identifier))


def authority_key_identifier(identifier=None, issuer=None, serial=None):
    parts = [context(0, identifier, constructed=False)] if identifier is not None else []
    if issuer is not None:
        parts += [context(1, directory(issuer)), context(2, integer(serial)[2:], constructed=False)]
    return extension("2.5.29.35", sequence(*parts))


KEY_USAGES = ["digitalSignature", "contentCommitment", "keyEncipherment", "dataEncipherment", "keyAgreement",
              "keyCertSign", "cRLSign", "encipherOnly", "decipherOnly"]
PURPOSES = {"serverAuth": "1.3.6.1.5.5.7.3.1", "clientAuth": "1.3.6.1.5.5.7.3.2", "codeSigning": "1.3.6.1.5.5.7.3.3",
            "emailProtection": "1.3.6.1.5.5.7.3.4", "timeStamping": "1.3.6.1.5.5.7.3.8",
            "OCSPSigning": "1.3.6.1.5.5.7.3.9", "any": "2.5.29.37.0"}

# ---- certificates


def certificate(*, subject, issuer, key, signer, extensions=(), serial, start, end, version=3, how=None,
                outer_algorithm=None, break_signature=False):
    """DER of what `signer` signs; `serial` and the times may be DER of their own."""
    algorithm, _ = signer.sign(b"", how)
    tbs = sequence(
        context(0, integer(version - 1)) if version > 1 else b"",
        serial if isinstance(serial, bytes) else integer(serial),
        algorithm, issuer, sequence(time(start), time(end)), subject, key.spki,
        context(3, sequence(*extensions)) if extensions else b"")
    _, signature = signer.sign(tbs, how)
    if break_signature:
        signature = signature[:-1] + bytes([signature[-1] ^ 1])
    return sequence(tbs, outer_algorithm or algorithm, bits(signature))


def pem(der, label="CERTIFICATE", width=64):
    text = base64.b64encode(der).decode()
    lines = [text[at:at + width] for at in range(0, len(text), width)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()


def der_of(block):
    return base64.b64decode(b"".join(line for line in block.splitlines() if not line.startswith(b"-----")))


def days(number):
    """So many days from now, to the second."""
    return NOW + datetime.timedelta(days=number)


NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
