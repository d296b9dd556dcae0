"""SLIM with mutual TLS and SPIFFE identities: a node, and an agent that joins it. Needs `pip install slim-bindings`.

Both take certificates and JWT-SVIDs from the Workload API by themselves. The entry of the node needs the name that it
is dialled by: `dns = ["localhost"]`.
"""

import os

import slim_bindings as slim

AUTHORITY = {{python:authority}}
SOCKET = os.environ.get("SPIFFE_ENDPOINT_SOCKET", {{python:socket_url}})
SPIRE = slim.SpireConfig(
    socket_path=SOCKET,
    target_spiffe_id=None,
    jwt_audiences=["slim"],
    trust_domains=[],
)


def node():
    config = slim.new_server_config(AUTHORITY.replace("localhost", "127.0.0.1"))
    config.tls = slim.TlsServerConfig(
        insecure=False,
        source=slim.TlsSource.SPIRE(config=SPIRE),
        client_ca=slim.CaSource.SPIRE(config=SPIRE),
        include_system_ca_certs_pool=False,
        tls_version="tls1.3",
        reload_client_ca_file=False,
    )
    service = slim.create_service("node")
    service.run_server(config)
    return service


def agent(organization, namespace, name):
    config = slim.new_secure_client_config("https://" + AUTHORITY)
    config.tls = slim.TlsClientConfig(
        insecure=False,
        insecure_skip_verify=False,
        source=slim.TlsSource.SPIRE(config=SPIRE),
        ca_source=slim.CaSource.SPIRE(config=SPIRE),
        include_system_ca_certs_pool=False,
        tls_version="tls1.3",
    )
    service = slim.create_service(name)
    connection = service.connect(config)
    own = slim.Name(organization, namespace, name)
    app = service.create_app(
        own,
        slim.IdentityProviderConfig.SPIRE(config=SPIRE),
        slim.IdentityVerifierConfig.SPIRE(config=SPIRE),
    )
    app.subscribe(own, connection)
    return app


if __name__ == "__main__":
    slim.initialize_with_defaults()
    serving = node()
    print(agent("example", "agents", "alice").name())
