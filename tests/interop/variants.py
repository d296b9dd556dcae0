"""The variants the stacks are put to: each an id, a sentence, and how it differs from files that work (sides.py)."""

from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization

from forge import (
    NULL, ORGANIZATION, common_name, context, days, der_of, directory, dns, email, extension,
    generalized_time, integer, ip, key, key_usage, name, name_constraints, octets, oid, pem, printable, sequence, tlv, uri)
from sides import Side


@dataclass
class Variant:
    """`server` and `client` say how each side differs; without `client` the server asks for no certificate."""

    id: str
    sentence: str
    server: dict
    client: dict | None = None
    host: str = "localhost"

    @property
    def mutual(self):
        return self.client is not None

    def write(self, directory, _):
        directory.mkdir(parents=True)
        Side("server", self.server).write(directory)
        if self.client is not None:
            Side("client", self.client).write(directory)


@dataclass
class OfOurs:
    """Files that `openagents-certs` makes, by these commands in one directory."""

    id: str
    sentence: str
    commands: list
    host: str = "localhost"
    mutual: bool = False

    def write(self, directory, program):
        for command in self.commands:
            program(command.split(), directory)
        if self.mutual:
            (directory / "client_ca.crt").write_bytes((directory / "ca.crt").read_bytes())


def server(id, sentence, host="localhost", **differs):
    return [Variant(id, sentence, differs, host=host)]


def client(id, sentence, **differs):
    return [Variant(f"client-{id}", sentence, {}, differs)]


def both(id, sentence, **differs):
    """The server's side and the client's side, each in a variant of its own."""
    return server(id, sentence, **differs) + client(id, sentence, **differs)


def each(make, rows, **differs):
    return [variant for row in rows for variant in make(*row[:2], **differs, **(row[2] if len(row) > 2 else {}))]


# ---- how a file can be written

PKCS1_OR_SEC1 = serialization.PrivateFormat.TraditionalOpenSSL
BOM, UTF16_BOM = b"\xef\xbb\xbf", b"\xff\xfe"
RSA_USES = ("digitalSignature", "keyEncipherment")
RSA = {"key": "rsa2048", "ku": RSA_USES}


def encrypted_in_the_old_way(key, _):
    return key.private.private_bytes(
        serialization.Encoding.PEM, PKCS1_OR_SEC1, serialization.BestAvailableEncryption(b"secret"))


def with_public_key(key, _):
    """RFC 5958, as ring and rcgen write it."""
    public = key.private.public_key().public_bytes_raw()
    return pem(sequence(integer(1), sequence(oid("1.3.101.112")), octets(octets(key.private.private_bytes_raw())),
                        context(1, b"\0", public, constructed=False)), "PRIVATE KEY")


def with_parameters(key, _):
    return pem(oid("1.2.840.10045.3.1.7"), "EC PARAMETERS") + key.pem(PKCS1_OR_SEC1)


def another(side, which="another", **differs):
    """A root of the same name and another key."""
    return side.make("root", None, which=f"{side.role} {which}", **differs)


def unrelated(side):
    return another(side, "unrelated", cn="Unrelated CA")


def renewed(side, **differs):
    """A root of the same name and key."""
    return side.make("root", None, **differs)


# Each of these is what a `server.crt`, a `ca.crt`, a `client.crt` and a `client_ca.crt` can be.
CERTIFICATE_FILES = [
    ("crlf", "has CRLF line ends", lambda text, _: text.replace(b"\n", b"\r\n")),
    ("bom", "begins with a UTF-8 byte order mark", lambda text, _: BOM + text),
    ("utf16", "is UTF-16, as PowerShell's > writes", lambda text, _: UTF16_BOM + text.decode().encode("utf-16-le")),
    ("no-newline", "has no final newline", lambda text, _: text.rstrip()),
    ("blank-line", "has a blank line in the base64", lambda text, _: text.replace(b"-----\nM", b"-----\n\nM", 1)),
    ("one-line", "has all base64 on one line", lambda text, _: pem(der_of(text), width=99_999)),
    ("spaces", "has spaces at its line ends", lambda text, _: text.replace(b"\n", b"  \n")),
    ("indented", "is indented, as pasted from YAML", lambda text, _: b"  " + text.replace(b"\n", b"\n  ")),
    ("text-before", "has text before the block", lambda text, _: b"Certificate:\n    Data: x\n" + text),
    ("text-after", "has text after the block", lambda text, _: text + b"garbage\n"),
    ("end-line", "has text after the END line's dashes", lambda text, _: text.rstrip() + b"garbage\n"),
    ("x509-label", "has the label X509 CERTIFICATE", lambda text, _: text.replace(b"CERT", b"X509 CERT")),
    ("trusted-label", "has the label TRUSTED CERTIFICATE", lambda text, _: text.replace(b"CERT", b"TRUSTED CERT")),
    ("damaged", "has damaged base64", lambda text, _: text.replace(b"\nM", b"\n!M", 1)),
    ("truncated", "has no END line", lambda text, _: text[:text.index(b"-----END")]),
    ("der", "is DER", lambda text, _: der_of(text)),
    ("empty", "is empty", lambda text, _: b""),
    ("der-trailing", "has octets after the DER", lambda text, _: pem(der_of(text) + b"\0\0")),
    ("key-first", "has a private key before the certificate", lambda text, side: side.leaf.key.pem() + text),
    ("good-then-damaged", "has a damaged block after the good one",
     lambda text, _: text + b"-----BEGIN CERTIFICATE-----\nMIIB!!!!\n-----END CERTIFICATE-----\n"),
    ("damaged-then-good", "has a damaged block before the good one",
     lambda text, _: b"-----BEGIN CERTIFICATE-----\nMIIB!!!!\n-----END CERTIFICATE-----\n" + text),
]

KEY_FILES = [
    ("key-sec1", "an EC key in SEC1", {"key_file": lambda key, _: key.pem(PKCS1_OR_SEC1)}),
    ("key-pkcs1", "an RSA key in PKCS #1", {"key_file": lambda key, _: key.pem(PKCS1_OR_SEC1), "leaf": RSA}),
    ("key-parameters", "an EC PARAMETERS block, then the key: `openssl ecparam -genkey`",
     {"key_file": with_parameters}),
    ("key-version-2", "an Ed25519 key with its public key, PKCS #8 v2",
     {"key_file": with_public_key, "leaf": {"key": "ed25519"}}),
    ("key-encrypted", "an encrypted PKCS #8 key", {"key_file": lambda key, _: key.pem(password=b"secret")}),
    ("key-encrypted-sec1", "an encrypted SEC1 key", {"key_file": encrypted_in_the_old_way}),
    ("key-bom", "the key file begins with a UTF-8 byte order mark", {"key_file": lambda key, _: BOM + key.pem()}),
    ("key-crlf", "the key file has CRLF line ends", {"key_file": lambda key, _: key.pem().replace(b"\n", b"\r\n")}),
    ("key-of-another", "the key of another certificate", {"key_file": lambda _, side: unrelated(side).key.pem()}),
    ("key-of-another-type", "an RSA key beside an EC certificate",
     {"key_file": lambda _, side: key("rsa2048", "another").pem()}),
    ("key-two", "two keys in the file, the right one first",
     {"key_file": lambda key, side: key.pem() + unrelated(side).key.pem()}),
    ("key-two-reversed", "two keys in the file, the right one second",
     {"key_file": lambda key, side: unrelated(side).key.pem() + key.pem()}),
    ("key-after-certificate", "the certificate, then the key, in the key file",
     {"key_file": lambda key, side: side.leaf.pem + key.pem()}),
    ("key-der", "the key file is DER", {"key_file": lambda key, _: der_of(key.pem())}),
    ("key-empty", "the key file is empty", {"key_file": lambda *_: b""}),
    ("key-public", "the key file holds the public key", {"key_file": lambda key, _: pem(key.spki, "PUBLIC KEY")}),
]

NAMES = [
    ("name-wildcard", "*.example.test for foo.example.test", ["*.example.test"], "foo.example.test"),
    ("name-wildcard-apex", "*.example.test for example.test", ["*.example.test"], "example.test"),
    ("name-wildcard-deep", "*.example.test for a.b.example.test", ["*.example.test"], "a.b.example.test"),
    ("name-wildcard-tld", "*.test for foo.test", ["*.test"], "foo.test"),
    ("name-wildcard-all", "* for localhost", ["*"], "localhost"),
    ("name-wildcard-middle", "foo.*.test for foo.bar.test", ["foo.*.test"], "foo.bar.test"),
    ("name-wildcard-partial", "f*.example.test for foo.example.test", ["f*.example.test"], "foo.example.test"),
    ("name-wildcard-twice", "*.*.test for a.b.test", ["*.*.test"], "a.b.test"),
    ("name-upper", "LOCALHOST for localhost", ["LOCALHOST"], "localhost"),
    ("name-underscore", "an underscore in the name", ["my_agent.example.test"], "my_agent.example.test"),
    ("name-single-label", "a single label", ["agents"], "agents"),
    ("name-final-dot", "svc.example.test. for svc.example.test", ["svc.example.test."], "svc.example.test"),
    ("name-final-dot-dialled", "svc.example.test for svc.example.test.", ["svc.example.test"], "svc.example.test."),
    ("name-with-port", "localhost:8600 for localhost", ["localhost:8600"], "localhost"),
    ("name-url", "grpcs://localhost:8600 for localhost", ["grpcs://localhost:8600"], "localhost"),
    ("name-empty", "the empty name for localhost", [""], "localhost"),
    ("name-empty-and-good", "the empty name and localhost", ["", "localhost"], "localhost"),
    ("name-a-label", "xn--bcher-kva.example for itself", ["xn--bcher-kva.example"], "xn--bcher-kva.example"),
    ("name-u-label", "bücher.example for xn--bcher-kva.example", ["bücher.example"], "xn--bcher-kva.example"),
    ("name-other", "other.test for localhost", ["other.test"], "localhost"),
    ("name-last-of-1000", "a thousand names, the last one right",
     [*(f"h{number}.example.test" for number in range(999)), "localhost"], "localhost"),
    ("name-address", "IP 127.0.0.1 for 127.0.0.1", [ip("127.0.0.1")], "127.0.0.1"),
    ("name-address-6", "IP ::1 for ::1", [ip("::1")], "::1"),
    ("name-address-other", "IP 10.1.2.3 for 127.0.0.1", [ip("10.1.2.3")], "127.0.0.1"),
    ("name-address-as-dns", "DNS 127.0.0.1 for 127.0.0.1", ["127.0.0.1"], "127.0.0.1"),
    ("name-address-only", "IP 127.0.0.1 for localhost", [ip("127.0.0.1")], "localhost"),
    ("name-not-address", "DNS localhost for 127.0.0.1", ["localhost"], "127.0.0.1"),
    ("name-uri-only", "a URI only, and the common name", [uri("spiffe://localhost/agent")], "localhost"),
    ("name-email-only", "an e-mail address only, and the common name", [email("a@localhost")], "localhost"),
    ("name-common-only", "the common name, without a SAN", None, "localhost"),
    ("name-common-address", "a common name of 127.0.0.1, without a SAN", None, "127.0.0.1"),
]


def name_variant(id, sentence, names, host):
    names = names and [dns(item) if isinstance(item, str) else item for item in names]
    return server(id, sentence, host, leaf={"sans": names, "cn": host if id.startswith("name-common") else "localhost"})


def explicit_policy(skip):
    return extension("2.5.29.36", sequence(context(0, bytes([skip]), constructed=False)), critical=True)


def constraints(id, sentence, permitted=(), excluded=(), **leaf):
    made = {"extra": [name_constraints(permitted, excluded)]}
    return (server(f"constraint-{id}", f"the intermediate {sentence}", ints=[made], leaf=leaf)
            + server(f"constraint-root-{id}", f"the root {sentence}", root=made, leaf=leaf))


TWO_NAMES = [dns("localhost"), dns("agent")]
NO_IDENTIFIERS = {"root": {"ski": None}, "leaf": {"ski": None, "aki": False}}
ONE = [{}]

VARIANTS = [
    # What we make ourselves.
    OfOurs("ours", "what `generate` makes", ["generate"]),
    OfOurs("ours-mutual", "what `generate --mtls` makes", ["generate --mtls"], mutual=True),
    *(OfOurs(f"ours-{kind}", f"what `generate --mtls --key-type {kind}` makes", [f"generate --mtls --key-type {kind}"],
             mutual=True) for kind in ("p384", "ed25519", "rsa-2048")),
    OfOurs("ours-by-address", "what `generate` makes, dialled by 127.0.0.1", ["generate"], host="127.0.0.1"),
    OfOurs("ours-other-name", "what `generate` makes for agents.test, dialled as localhost",
           ["generate --common-name agents.test"]),
    OfOurs("ours-client-serves", "a client pair that serves",
           ["generate", "issue client localhost --name server --force"]),
    OfOurs("ours-peer", "a peer's pair on both sides",
           ["generate --mtls", "issue peer localhost --name server --force", "issue peer a --name client --force"],
           mutual=True),

    # Keys.
    *each(both, ((f"leaf-{kind}", f"a leaf key {kind}", {"leaf": {"key": kind}})
                 for kind in ("p224", "p256", "p384", "p521", "k256", "ed25519", "ed448"))),
    *each(both, ((f"leaf-{kind}", f"a leaf key {kind}", {"leaf": {"key": kind, "ku": RSA_USES}})
                 for kind in ("rsa1024", "rsa2048", "rsa3072", "rsa2048-e3"))),
    *each(both, ((f"root-{kind}", f"a root key {kind}", {"root": {"key": kind}})
                 for kind in ("p384", "p521", "k256", "ed25519", "rsa1024", "rsa2048"))),
    *each(both, KEY_FILES),

    # Certificate files.
    *(variant for id, sentence, written in CERTIFICATE_FILES for variant in (
        *server(f"crt-{id}", f"server.crt {sentence}", crt=written),
        *server(f"ca-{id}", f"ca.crt {sentence}", ca=written),
        *client(f"crt-{id}", f"client.crt {sentence}", crt=written),
        *client(f"ca-{id}", f"client_ca.crt {sentence}", ca=written))),

    # Names.
    *(variant for row in NAMES for variant in name_variant(*row)),
    *server("name-no-subject", "an empty subject and a critical SAN", leaf={"subject": name(), "san_critical": True}),
    *client("name-none", "a client certificate without a SAN", leaf={"sans": None}),

    # Purpose and use.
    *each(both, ((f"purpose-{id}", f"extendedKeyUsage: {id}", {"leaf": {"eku": uses}}) for id, uses in (
        ("none", None), ("server", ("serverAuth",)), ("client", ("clientAuth",)),
        ("both", ("serverAuth", "clientAuth")), ("any", ("any",)), ("code", ("codeSigning",)),
        ("unknown-and-both", ("1.2.3.4.5", "serverAuth", "clientAuth"))))),
    *each(both, ((f"use-{use}", f"an EC key for {use} only", {"leaf": {"ku": (use,)}})
                 for use in ("keyEncipherment", "keyAgreement", "contentCommitment"))),
    *both("use-rsa-encipherment", "an RSA key for keyEncipherment only", leaf={**RSA, "ku": ("keyEncipherment",)}),
    *both("use-none", "a leaf without keyUsage", leaf={"ku": None}),
    *both("leaf-is-authority", "a leaf with CA:TRUE", leaf={"bc": (True, None)}),
    *both("leaf-unknown-critical", "an unknown critical extension in the leaf",
          leaf={"extra": [extension("1.2.3.4.5", NULL, critical=True)]}),
    *both("leaf-must-staple", "a leaf with must-staple",
          leaf={"extra": [extension("1.3.6.1.5.5.7.1.24", sequence(integer(5)))]}),
    *both("leaf-twice", "a leaf with keyUsage twice", leaf={"extra": [key_usage("digitalSignature")]}),
    *both("leaf-version-1", "a leaf of version 1", leaf={"version": 1, "extensions": ()}),
    *both("leaf-version-1-extended", "a leaf of version 1 with extensions", leaf={"version": 1}),

    # Times.
    *both("time-over", "a leaf that has expired", leaf={"start": days(-30), "end": days(-1)}),
    *both("time-to-come", "a leaf of tomorrow", leaf={"start": days(1)}),
    *both("time-generalized", "GeneralizedTime before 2050", leaf={"end": generalized_time(days(30))}),
    *both("time-no-seconds", "UTCTime without seconds",
          leaf={"end": tlv(0x17, days(30).strftime("%y%m%d%H%MZ").encode())}),
    *both("time-root-over", "a root that has expired", root={"start": days(-30), "end": days(-1)}),
    *both("time-root-to-come", "a root of tomorrow", root={"start": days(1)}),
    *both("time-int-over", "an intermediate that has expired", ints=[{"start": days(-30), "end": days(-1)}]),

    # Chains.
    *both("chain", "leaf and intermediate", ints=ONE),
    *both("chain-missing", "the intermediate is missing", ints=ONE, sends=lambda side: [side.leaf]),
    *both("chain-reversed", "the intermediate before the leaf", ints=ONE,
          sends=lambda side: [side.ints[0], side.leaf]),
    *both("chain-shuffled", "two intermediates in the wrong order", ints=[{}, {}],
          sends=lambda side: [side.leaf, *side.ints]),
    *both("chain-with-root", "the root is sent too", ints=ONE,
          sends=lambda side: [side.leaf, side.ints[0], side.root]),
    *both("chain-unrelated", "an unrelated CA between", ints=ONE,
          sends=lambda side: [side.leaf, unrelated(side), side.ints[0]]),
    *both("chain-leaf-twice", "the leaf twice", ints=ONE, sends=lambda side: [side.leaf, side.leaf, side.ints[0]]),
    *both("chain-trusted-int", "the CA file holds the intermediate only", ints=ONE,
          anchors=lambda side: [side.ints[0]]),
    *both("chain-trusted-int-unsent", "the CA file holds root and intermediate, only the leaf is sent", ints=ONE,
          sends=lambda side: [side.leaf], anchors=lambda side: [side.root, side.ints[0]]),
    *both("chain-6", "six intermediates", ints=[{}] * 6),
    *both("chain-8", "eight intermediates", ints=[{}] * 8),
    *both("chain-root-0", "an intermediate below a root of path length 0", root={"bc": (True, 0)}, ints=ONE),
    *both("chain-int-0", "an intermediate below one of path length 0", ints=[{"bc": (True, 0)}, {}]),

    # Authorities.
    *each(both, ((f"{which}-{id}", f"{where} {sentence}", {**spec(differs)}) for which, where, spec in (
        ("root", "a root", lambda differs: {"root": differs}),
        ("int", "an intermediate", lambda differs: {"ints": [differs]}),
    ) for id, sentence, differs in (
        ("not-authority", "with CA:FALSE", {"bc": (False, None)}),
        ("no-constraints", "without basicConstraints", {"bc": None}),
        ("no-use", "without keyUsage", {"ku": None}),
        ("may-not-sign", "whose keyUsage lacks keyCertSign", {"ku": ("digitalSignature",)}),
        ("for-servers", "with serverAuth only", {"eku": ("serverAuth",)}),
        ("for-clients", "with clientAuth only", {"eku": ("clientAuth",)}),
        ("for-any", "with anyExtendedKeyUsage only", {"eku": ("any",)}),
        ("version-1", "of version 1", {"version": 1, "extensions": ()}),
        ("unknown-critical", "with an unknown critical extension",
         {"extra": [extension("1.2.3.4.5", NULL, critical=True)]}),
        ("policy-required", "that requires a policy", {"extra": [explicit_policy(0)]}),
    ))),
    *both("root-other", "the CA file holds another CA", anchors=lambda side: [unrelated(side)]),
    *both("root-regenerated", "the CA was made anew under its name", anchors=lambda side: [another(side)]),
    *both("root-rollover", "two CAs of one name, the right one second",
          anchors=lambda side: [another(side), side.root]),
    *both("root-rollover-nameless", "two CAs of one name without key identifiers, the right one second",
          anchors=lambda side: [another(side, ski=None), side.root], **NO_IDENTIFIERS),
    *both("root-rollover-nameless-first", "two CAs of one name without key identifiers, the right one first",
          anchors=lambda side: [side.root, another(side, ski=None)], **NO_IDENTIFIERS),
    *both("root-renewed", "the CA was renewed, and its expired certificate is trusted first",
          root={"start": days(-30), "end": days(-1)}, anchors=lambda side: [side.root, renewed(side)]),
    *both("root-renewed-serial", "the CA was renewed, and the leaf names the old serial number",
          leaf={"aki": "issuer and serial"}, anchors=lambda side: [renewed(side)]),
    *both("root-other-string", "issuer as PrintableString, the CA's subject as UTF8String",
          root={"subject": common_name("CA X")}, leaf={"issuer": common_name("CA X", printable)}),
    *both("root-same-name", "CA and leaf of one name, without key identifiers",
          root={"cn": "localhost", "ski": None}, leaf={"cn": "localhost", "ski": None, "aki": False}),
    *both("self-signed", "a self-signed leaf, trusted", self_signed=True, anchors=lambda side: [side.leaf]),
    *both("self-signed-authority", "a self-signed CA:TRUE certificate, trusted: `openssl req -x509`",
          self_signed=True, anchors=lambda side: [side.leaf], leaf={"bc": (True, None), "ku": None, "eku": None}),
    *both("self-signed-untrusted", "a self-signed leaf, not trusted", self_signed=True),
    *both("leaf-trusted", "the CA file holds the leaf", anchors=lambda side: [side.leaf]),

    # Name constraints.
    *constraints("names", "permits the leaf's DNS name", [dns("localhost")]),
    *constraints("other-name", "permits another DNS name", [dns("example.test")]),
    *constraints("excluded", "excludes the leaf's DNS name", (), [dns("localhost")]),
    *constraints("addresses", "permits the leaf's names and addresses",
                 [dns("localhost"), ip("127.0.0.0/8"), ip("::1/128")]),
    *constraints("other-addresses", "permits other addresses", [dns("localhost"), ip("10.0.0.0/8")]),
    *constraints("addresses-unnamed", "permits other addresses; the leaf has none", [ip("10.0.0.0/8")],
                 sans=[dns("localhost")]),
    *constraints("directory", "permits another directory name", [directory(name((ORGANIZATION, "Acme")))]),
    *constraints("email", "permits e-mail addresses of a host; the leaf has none", [email("example.test")]),
    *constraints("common-name", "permits another DNS name; the leaf has a common name only", [dns("example.test")],
                 sans=None),

    # Signatures and serial numbers.
    *each(both, ((f"signed-{how}", f"a leaf signed with {how} by an RSA root",
                  {"root": {"key": "rsa2048"}, "leaf": {"how": how}})
                 for how in ("md5", "sha1", "sha384", "sha512", "pss-sha256"))),
    *each(both, ((f"signed-p256-{how}", f"a leaf signed with {how} by a P-256 root", {"leaf": {"how": how}})
                 for how in ("sha1", "sha384", "sha512"))),
    *both("signed-int-sha1", "an intermediate signed with SHA-1", root={"key": "rsa2048"}, ints=[{"how": "sha1"}]),
    *both("signed-root-sha1", "a root signed with SHA-1", root={"key": "rsa2048", "how": "sha1"},
          leaf={"how": "sha256"}),
    *both("signed-wrongly", "a leaf whose signature is wrong", leaf={"break_signature": True}),
    *both("signed-ambiguously", "a leaf that names two signature algorithms",
          leaf={"outer_algorithm": sequence(oid("1.2.840.10045.4.3.3"))}),
    *each(both, ((f"serial-{id}", f"a serial number of {sentence}", {"leaf": {"serial": serial}})
                 for id, sentence, serial in (
                     ("0", "0", 0), ("negative", "-1", -1), ("20", "20 octets", 2**158 + 5),
                     ("40", "40 octets", 2**310 + 5)))),
]
