"""A client of the AGNTCY directory with mutual TLS. Needs `pip install agntcy-dir`.

It takes its certificate from the SPIFFE Workload API when it is created; create another one before that expires. The
directory's own SVID needs the name that it is dialled by, as `dns` of its entry.
"""

import os

from agntcy.dir_sdk.client import Client, Config
from agntcy.dir_sdk.models import search_v1

SOCKET = os.environ.get("SPIFFE_ENDPOINT_SOCKET", {{python:socket_url}})
CONFIG = Config(
    server_address={{python:authority}},
    spiffe_socket_path=SOCKET,
    auth_mode="x509",
)

if __name__ == "__main__":
    for found in Client(CONFIG).search_cids(search_v1.SearchCIDsRequest(limit=10)):
        print(found.record_cid)
