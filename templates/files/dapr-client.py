"""A Dapr client whose sidecar, or the proxy before it, requires a client certificate. Needs `pip install dapr`.

DAPR_GRPC_ENDPOINT and DAPR_HTTP_ENDPOINT name it, both with https://. `openagents-certs workload fetch --watch` keeps
the files current; each new client reads them again.
"""

import ssl
from pathlib import Path

import grpc
from dapr.clients import DaprClient
from dapr.clients.health import DaprHealth

CA, CERT, KEY = {{python:absolute_ca}}, {{python:absolute_cert}}, {{python:absolute_key}}


def context():
    tls = ssl.create_default_context(cafile=CA)
    tls.load_cert_chain(CERT, KEY)
    return tls


class Client(DaprClient):
    @staticmethod
    def get_credentials():
        ca, key, cert = (Path(path).read_bytes() for path in (CA, KEY, CERT))
        return grpc.ssl_channel_credentials(ca, key, cert)


# The client asks the HTTP port first whether the sidecar is there.
DaprHealth.get_ssl_context = staticmethod(context)

if __name__ == "__main__":
    with Client() as client:
        print(client.get_metadata().application_id)
