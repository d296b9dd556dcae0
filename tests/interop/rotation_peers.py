"""Calls a gRPC server over mutual TLS with every pair of trust anchors on either side.

usage: rotation_peers.py SERVER CLIENT CA...

SERVER and CLIENT are paths without ending: SERVER.crt, SERVER.key. Each CA is a file of trust anchors; the server
trusts each of them in turn, and so does the client: every call must be answered. Exit 0 when all are, 1 otherwise.
"""

import itertools
import os
import sys
from concurrent import futures
from pathlib import Path

os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc  # noqa: E402  (reads its verbosity when it is loaded)

ANSWER_SECONDS = 10


def main(server, client, *anchors):
    failures = 0
    for of_server, of_client in itertools.product(anchors, repeat=2):
        answered = call(server, client, Path(of_server).read_bytes(), Path(of_client).read_bytes())
        print(f"{'ok' if answered else 'NOT OK'}: {server} trusting {of_server}, {client} trusting {of_client}")
        failures += not answered
    sys.exit(1 if failures else 0)


def pair(base):
    return Path(base + ".key").read_bytes(), Path(base + ".crt").read_bytes()


def call(server, client, of_server, of_client):
    listening = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    method = grpc.unary_unary_rpc_method_handler(lambda request, _: request)
    listening.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("peers.Peers", {"Echo": method})])
    port = listening.add_secure_port(
        "127.0.0.1:0", grpc.ssl_server_credentials([pair(server)], of_server, require_client_auth=True))
    listening.start()
    key, certificate = pair(client)
    try:
        with grpc.secure_channel(f"localhost:{port}", grpc.ssl_channel_credentials(of_client, key, certificate)) as channel:
            return channel.unary_unary("/peers.Peers/Echo")(b"hello", timeout=ANSWER_SECONDS) == b"hello"
    except grpc.RpcError as error:
        print(error.details())
        return False
    finally:
        listening.stop(None).wait()


main(*sys.argv[1:])
