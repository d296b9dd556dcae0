"""Serves gRPC on loopback until its standard input ends, and says its port on standard output.

usage: grpc_server.py plaintext|tls|mtls|tls-without-h2 DIRECTORY [PORT]

DIRECTORY holds ca.crt, server.crt and server.key. With a PORT it is shared with who else serves there.
"""

import os
import socket
import ssl
import sys
import threading
from concurrent import futures
from pathlib import Path

os.environ.setdefault("GRPC_VERBOSITY", "NONE")


def main(mode, directory, port="0"):
    directory = Path(directory)
    if mode == "tls-without-h2":
        print(serve_without_h2(directory), flush=True)
        sys.stdin.read()
        os._exit(0)
    import grpc

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2), options=(("grpc.so_reuseport", 1),))
    address = f"127.0.0.1:{port}"
    if mode == "plaintext":
        bound = server.add_insecure_port(address)
    else:
        read = lambda name: (directory / name).read_bytes()  # noqa: E731
        mutual = mode == "mtls"
        credentials = grpc.ssl_server_credentials(
            [(read("server.key"), read("server.crt"))], read("ca.crt") if mutual else None, mutual)
        bound = server.add_secure_port(address, credentials)
    server.start()
    print(bound, flush=True)
    sys.stdin.read()
    server.stop(None).wait()


def serve_without_h2(directory):
    """A TLS server of Python's own, which knows no ALPN and answers nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.crt", directory / "server.key")
    listener = socket.create_server(("127.0.0.1", 0))

    def hold(connection):
        try:
            with context.wrap_socket(connection, server_side=True) as stream:
                while stream.recv(1024):
                    pass
        except OSError:
            pass

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=hold, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


if __name__ == "__main__":
    main(*sys.argv[1:])
