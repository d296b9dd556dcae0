"""Serves gRPC over mutual TLS on a free port of loopback until standard input ends.

usage: serve.py PAIR CA

PAIR is a path without ending: PAIR.crt, PAIR.key; CA the file of the clients' trust anchors. Writes the port.
"""

import os
import sys
from concurrent import futures
from pathlib import Path

os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc  # noqa: E402  (reads its verbosity when it is loaded)


def main(pair, ca):
    files = Path(pair + ".key").read_bytes(), Path(pair + ".crt").read_bytes()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    credentials = grpc.ssl_server_credentials([files], Path(ca).read_bytes(), require_client_auth=True)
    print(server.add_secure_port("127.0.0.1:0", credentials), flush=True)
    server.start()
    sys.stdin.read()
    server.stop(None).wait()


main(*sys.argv[1:])
