"""The grpcio peer: serves and calls as it is told, one JSON object a line on stdin, one answer a line on stdout.

    {"id": 1, "do": "serve", "bind": "127.0.0.1", "cert": FILE, "key": FILE, "client_ca": FILE or null}
        {"id": 1, "port": 40001}, or {"id": 1, "error": TEXT} when the server does not start
    {"id": 2, "do": "stop", "port": 40001}
        {"id": 2}
    {"id": 3, "do": "call", "dial": "localhost", "port": 40001, "name": NAME or null, "ca": FILE,
     "client_cert": FILE or null, "client_key": FILE or null, "seconds": 3}
        {"id": 3}, or {"id": 3, "error": TEXT} when the call does not go through

`name` is whom the certificate must name, when that is not the host dialled. Answers come in any order. The other peers
speak the same.
"""

import json
import sys
import threading
from concurrent import futures

import grpc

CALLS_AT_ONCE = 8


def main():
    with futures.ThreadPoolExecutor(max_workers=CALLS_AT_ONCE) as pool:
        for line in sys.stdin:
            pool.submit(answer, json.loads(line))
        for server in SERVERS.values():
            server.stop(None)


def answer(order):
    try:
        answered = WORK[order["do"]](order)
    except grpc.RpcError as error:
        answered = {"error": f"{error.code().name}: {error.details()}"}
    except Exception as error:
        answered = {"error": str(error) or repr(error)}
    with PRINTING:
        print(json.dumps({"id": order["id"], **answered}), flush=True)


def serve(order):
    pair = (read(order["key"]), read(order["cert"]))
    client_ca = order["client_ca"] and read(order["client_ca"])
    credentials = grpc.ssl_server_credentials([pair], client_ca, client_ca is not None)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    method = grpc.unary_unary_rpc_method_handler(lambda request, _: request)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("interop.Peer", {"Echo": method})])
    bind = f"[{order['bind']}]" if ":" in order["bind"] else order["bind"]
    port = server.add_secure_port(f"{bind}:0", credentials)
    server.start()
    SERVERS[port] = server
    return {"port": port}


def stop(order):
    SERVERS.pop(order["port"]).stop(None).wait()
    return {}


def call(order):
    pair = [order["client_key"], order["client_cert"]]
    credentials = grpc.ssl_channel_credentials(read(order["ca"]), *(file and read(file) for file in pair))
    options = [("grpc.ssl_target_name_override", order["name"])] if order["name"] else []
    dial = f"[{order['dial']}]" if ":" in order["dial"] else order["dial"]
    with grpc.secure_channel(f"{dial}:{order['port']}", credentials, options) as channel:
        channel.unary_unary("/interop.Peer/Echo")(b"hello", timeout=order["seconds"])
    return {}


def read(path):
    with open(path, "rb") as file:
        return file.read()


SERVERS = {}
PRINTING = threading.Lock()
WORK = {"serve": serve, "stop": stop, "call": call}

main()
