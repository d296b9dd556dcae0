"""Calls a gRPC server over TLS and over mutual TLS on loopback, with what `generate --mtls` made.

usage: grpc_peers.py DIRECTORY OTHER

Both hold ca.crt, server.crt, server.key, client.crt and client.key; OTHER's are of another CA. Each check is a call
that is answered or is not: in TLS 1.3 a client's handshake ends before the server has looked at its certificate.
Exit 0 when every check holds, 1 when one does not.
"""

import os
import sys
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc  # noqa: E402  (reads its verbosity when it is loaded)

ANSWER_SECONDS = 10


def main(directory, other):
    ours, theirs = Pki(directory), Pki(other)
    failures = []

    def check(what, holds):
        print(f"{'ok' if holds else 'NOT OK'}: {what}")
        if not holds:
            failures.append(what)

    with serving(ours.server_credentials(mutual=False)) as port:
        for host in ("localhost", "127.0.0.1"):
            check(f"TLS connects to {host}", call(f"{host}:{port}", ours.client_credentials()) == "nobody")
        check("TLS refuses a server of another CA", call(f"localhost:{port}", theirs.client_credentials()) is None)
        check("a TLS port refuses plaintext", call(f"localhost:{port}", None) is None)
    with serving(ours.server_credentials(mutual=True)) as port:
        target = f"localhost:{port}"
        check("mTLS connects with the client pair", call(target, ours.client_credentials(ours)) == "client")
        check("mTLS refuses a client without a pair", call(target, ours.client_credentials()) is None)
        check("mTLS refuses a client of another CA", call(target, ours.client_credentials(theirs)) is None)
    sys.exit(1 if failures else 0)


class Pki:
    """The files of one directory."""

    def __init__(self, directory):
        directory = Path(directory)
        names = ("ca.crt", "server.crt", "server.key", "client.crt", "client.key")
        self.ca, self.server_crt, self.server_key, self.client_crt, self.client_key = (
            (directory / name).read_bytes() for name in names)

    def server_credentials(self, mutual):
        return grpc.ssl_server_credentials([(self.server_key, self.server_crt)], self.ca if mutual else None, mutual)

    def client_credentials(self, pair=None):
        return grpc.ssl_channel_credentials(self.ca, pair and pair.client_key, pair and pair.client_crt)


@contextmanager
def serving(credentials):
    """A server that answers every call with its caller's common name, and its port."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    method = grpc.unary_unary_rpc_method_handler(lambda _, context: caller(context))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("peers.Peers", {"Who": method})])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


def caller(context):
    return b"".join(context.auth_context().get("x509_common_name", [])) or b"nobody"


def call(target, credentials):
    """Whom the server took us for, or None when the call did not reach it."""
    dial = grpc.insecure_channel(target) if credentials is None else grpc.secure_channel(target, credentials)
    with dial as channel:
        try:
            return channel.unary_unary("/peers.Peers/Who")(b"", timeout=ANSWER_SECONDS).decode()
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise
            return None


main(*sys.argv[1:])
