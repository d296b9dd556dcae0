"""Shakes hands over mutual TLS inside one process with Python's `ssl` and VERIFY_X509_STRICT, the default since 3.13.

usage: strict_tls.py DIRECTORY SERVER NAME CLIENT

DIRECTORY holds ca.crt and the pairs SERVER.crt/.key and CLIENT.crt/.key; NAME is what is dialled. Both sides verify
the other, and an octet goes each way: a finished handshake alone says nothing about the client's certificate.
"""

import ssl
import sys
from pathlib import Path


def main(directory, server, name, client):
    directory = Path(directory)
    ca = directory / "ca.crt"
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(directory / f"{server}.crt", directory / f"{server}.key")
    serving.verify_mode = ssl.CERT_REQUIRED
    dialling = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    dialling.load_cert_chain(directory / f"{client}.crt", directory / f"{client}.key")
    for context in (serving, dialling):
        context.load_verify_locations(ca)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
    try:
        exchange(serving, dialling, name)
    except ssl.SSLError as error:
        sys.exit(f"{directory}: refused for {name}: {error}")
    print(f"{directory}: accepted for {name}")


def exchange(serving, dialling, name):
    """Carries octets between the two ends until each has read what the other wrote."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    client = dialling.wrap_bio(to_client, to_server, server_hostname=name)
    ends = [[client.do_handshake, lambda: client.write(b"?"), lambda: client.read(1)],
            [server.do_handshake, lambda: server.read(1), lambda: server.write(b"!")]]
    for _ in range(MAX_ROUNDS):
        for steps in ends:
            go_on(steps)
    if any(ends):
        sys.exit("the two ends wait for each other")


def go_on(steps):
    """Takes the steps of one end that need nothing more from the other."""
    while steps:
        try:
            steps[0]()
        except ssl.SSLWantReadError:
            return
        del steps[0]


MAX_ROUNDS = 8  # a handshake takes two, an answer one more

main(*sys.argv[1:])
