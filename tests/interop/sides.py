"""How the files of a variant are made: those of a server, and where its client shows a certificate those of the client.

A side that differs in nothing is a P-256 root and a leaf it signed; the server's leaf is for localhost, 127.0.0.1 and
::1. What a variant may say of a side:

    root, ints, leaf   how these certificates differ, each a dict (`certificate_defaults` has the names); `ints` are the
                       intermediates, from the root down
    self_signed        the leaf signs itself
    sends, anchors     side -> what the certificate file holds, and what the peer's CA file holds
    crt, key_file, ca  (text, side) -> what is written; for the key file, (key, side)
"""

import itertools
from dataclasses import dataclass

import forge

FILES = {"server": ("server.crt", "server.key", "ca.crt"), "client": ("client.crt", "client.key", "client_ca.crt")}


@dataclass
class Made:
    """A certificate, and what the next one needs of it."""

    der: bytes
    key: forge.Key
    subject: bytes
    issuer: bytes
    identifier: bytes | None
    serial: int

    @property
    def pem(self):
        return forge.pem(self.der)


class Side:
    """The certificates of a server or of a client."""

    def __init__(self, role, differs):
        self.role, self.differs = role, differs
        self.root = issuer = self.make("root", None, **differs.get("root", {}))
        self.ints = []
        for at, spec in enumerate(differs.get("ints", [])):
            issuer = self.make(f"int{at}", issuer, **spec)
            self.ints.append(issuer)
        self.leaf = self.make("leaf", None if differs.get("self_signed") else issuer, **differs.get("leaf", {}))

    def write(self, directory):
        """Certificate, key, and whom the peer trusts."""
        sends = self.differs.get("sends", lambda side: [side.leaf, *reversed(side.ints)])(self)
        anchors = self.differs.get("anchors", lambda side: [side.root])(self)
        crt = self.differs.get("crt", as_it_is)(joined(sends), self)
        key_file = self.differs.get("key_file", lambda key, _: key.pem())(self.leaf.key, self)
        ca = self.differs.get("ca", as_it_is)(joined(anchors), self)
        for name, octets in zip(FILES[self.role], (crt, key_file, ca)):
            (directory / name).write_bytes(octets)

    def make(self, role, parent, **differs):
        """One more certificate, signed by the key of `parent` or by its own."""
        spec = {**certificate_defaults(self.role, role, parent), **differs}
        key = forge.key(spec["key"], spec["which"])
        subject = spec.get("subject", forge.common_name(spec["cn"]))
        issuer = spec.get("issuer", parent.subject if parent else subject)
        identifier = key.identifier if spec["ski"] is True else spec["ski"]
        made = spec.get("extensions", [*usual_extensions(spec, parent, identifier), *spec["extra"]])
        passed_on = ("start", "end", "version", "how", "outer_algorithm", "break_signature")
        der = forge.certificate(
            subject=subject, issuer=issuer, key=key, signer=parent.key if parent else key, serial=spec["serial"],
            extensions=made, **{name: spec[name] for name in passed_on if name in spec})
        return Made(der, key, subject, issuer, identifier, spec["serial"])


def certificate_defaults(side, role, parent):
    """How a certificate is made where its variant does not say: every name a variant may give."""
    authority = role != "leaf"
    purpose = f"{side}Auth"
    names = [forge.dns("localhost"), forge.ip("127.0.0.1"), forge.ip("::1")]
    return {
        "key": "p256", "which": f"{side} {role}", "start": forge.days(-1), "end": forge.days(90),
        "serial": next(SERIALS),
        "cn": f"Interop {side} {role}" if authority else "localhost" if side == "server" else "agent",
        "bc": (True, None) if authority else None, "bc_critical": True,
        "ku": ("keyCertSign", "cRLSign") if authority else ("digitalSignature",), "ku_critical": True,
        "eku": None if authority else (purpose,),
        "sans": None if authority else names if side == "server" else [forge.dns("agent")], "san_critical": False,
        "ski": True, "aki": True, "extra": [],
        # subject, issuer, extensions, version, how, outer_algorithm, break_signature: as RFC 5280 has them
    }


def usual_extensions(spec, parent, identifier):
    if spec["bc"] is not None:
        yield forge.basic_constraints(*spec["bc"], critical=spec["bc_critical"])
    if spec["ku"] is not None:
        yield forge.key_usage(*spec["ku"], critical=spec["ku_critical"])
    if spec["eku"] is not None:
        yield forge.extended_key_usage(*spec["eku"])
    if spec["sans"] is not None:
        yield forge.alternative_names(*spec["sans"], critical=spec["san_critical"])
    if identifier is not None:
        yield forge.subject_key_identifier(identifier)
    match spec["aki"]:
        case bytes(other):
            yield forge.authority_key_identifier(other)
        case "issuer and serial" if parent:
            yield forge.authority_key_identifier(None, parent.issuer, parent.serial)
        case True if parent and parent.identifier is not None:
            yield forge.authority_key_identifier(parent.identifier)


def joined(made):
    return b"".join(certificate.pem for certificate in made)


def as_it_is(text, _):
    return text


SERIALS = itertools.count(0x1000_0001)
