"""Runs a program made by `template write` against the packages it is for, and prints what it says.

usage: workload_templates.py PROGRAM DIRECTORY

The directory is one of `workload fetch`. A2A and SLIM talk to themselves; the directory and the sidecar are servers of
this script with mutual TLS, by the messages of the packages.
"""

import http.server
import os
import socket
import ssl
import subprocess
import sys
import threading
from concurrent import futures
from pathlib import Path

import grpc

PORT = "8600"


def main():
    program, directory = map(Path, sys.argv[1:])
    serve = {"agntcy-dir.py": directory_server, "dapr-client.py": sidecar}.get(program.name, free_port)
    port, variables = serve(directory)
    text = program.read_text().replace(f"localhost:{PORT}", f"localhost:{port}")
    program.write_text(text)
    environment = {**os.environ, **variables}
    done = subprocess.run([sys.executable, program], env=environment, capture_output=True, text=True, timeout=60)
    if done.returncode:
        sys.exit(done.stderr)
    print(done.stdout)


def free_port(_):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1], {}


def started(directory, add):
    """A server of gRPC that requires a client certificate, and its port."""
    read = lambda name: (directory / name).read_bytes()
    pair = (read("svid.key"), read("svid.crt"))
    credentials = grpc.ssl_server_credentials([pair], read("bundle.crt"), require_client_auth=True)
    server = grpc.server(futures.ThreadPoolExecutor(2))
    add(server)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    # It ends with the process.
    started.server = server
    return port


def directory_server(directory):
    from agntcy.dir.search.v1 import search_service_pb2, search_service_pb2_grpc

    class Search(search_service_pb2_grpc.SearchServiceServicer):
        def SearchCIDs(self, request, context):
            for name in context.auth_context()["x509_subject_alternative_name"]:
                yield search_service_pb2.SearchCIDsResponse(record_cid=name.decode())

    add = search_service_pb2_grpc.add_SearchServiceServicer_to_server
    return started(directory, lambda server: add(Search(), server)), {}


def sidecar(directory):
    from dapr.proto import api_service_v1, api_v1

    class Sidecar(api_service_v1.DaprServicer):
        def GetMetadata(self, request, context):
            names = context.auth_context()["x509_subject_alternative_name"]
            return api_v1.GetMetadataResponse(id=b" ".join(names).decode())

    class Health(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(204)
            self.end_headers()

    port = started(directory, lambda server: api_service_v1.add_DaprServicer_to_server(Sidecar(), server))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(directory / "svid.crt", directory / "svid.key")
    tls.load_verify_locations(directory / "bundle.crt")
    tls.verify_mode = ssl.CERT_REQUIRED
    health = http.server.HTTPServer(("127.0.0.1", 0), Health)
    health.socket = tls.wrap_socket(health.socket, server_side=True)
    threading.Thread(target=health.serve_forever, daemon=True).start()
    return port, {
        "DAPR_GRPC_ENDPOINT": f"https://localhost:{port}",
        "DAPR_HTTP_ENDPOINT": f"https://localhost:{health.server_port}",
    }


main()
