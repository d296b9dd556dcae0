"""A2A over gRPC with mutual TLS: an agent, and a client of it. Needs `pip install a2a-sdk grpcio-status spiffe`.

Certificates come from the SPIFFE Workload API and are replaced while the program runs. The entry of each side needs
the name that it is called by: `dns = ["localhost"]`.
"""

import asyncio
import os

import grpc
from a2a.client import ClientConfig, ClientFactory
from a2a.helpers import get_stream_response_text, new_text_message
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler, GrpcHandler
from a2a.server.tasks import InMemoryTaskStore
from a2a.types import (
    AgentCapabilities,
    AgentCard,
    AgentInterface,
    AgentSkill,
    Role,
    SendMessageRequest,
    a2a_pb2_grpc,
)
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from spiffe import X509Source

AUTHORITY = {{python:authority}}
SOCKET = os.environ.get("SPIFFE_ENDPOINT_SOCKET", {{python:socket_url}})
SOURCE = X509Source(socket_path=SOCKET)


def pair():
    """The key, the chain and the trust anchors of this moment, as PEM."""
    svid = SOURCE.get_x509_context().default_svid
    key = svid.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = b"".join(one.public_bytes(Encoding.PEM) for one in svid.cert_chain)
    bundle = SOURCE.get_bundle_for_trust_domain(svid.spiffe_id.trust_domain)
    anchors = b"".join(one.public_bytes(Encoding.PEM) for one in bundle.x509_authorities)
    return key, chain, anchors


def server_configuration():
    key, chain, anchors = pair()
    return grpc.ssl_server_certificate_configuration([(key, chain)], anchors)


def channel(url):
    key, chain, anchors = pair()
    return grpc.aio.secure_channel(url, grpc.ssl_channel_credentials(anchors, key, chain))


class Echo(AgentExecutor):
    async def execute(self, context, event_queue):
        await event_queue.enqueue_event(new_text_message(context.get_user_input(), role=Role.ROLE_AGENT))

    async def cancel(self, context, event_queue):
        raise NotImplementedError


def card():
    interface = AgentInterface(url=AUTHORITY, protocol_binding="GRPC", protocol_version="1.0")
    return AgentCard(
        name="echo",
        version="1",
        description="Says what it is told.",
        supported_interfaces=[interface],
        capabilities=AgentCapabilities(streaming=False),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="echo", name="echo", description="Says what it is told.", tags=["echo"])],
    )


async def serve():
    server = grpc.aio.server()
    handler = DefaultRequestHandler(Echo(), InMemoryTaskStore(), card())
    a2a_pb2_grpc.add_A2AServiceServicer_to_server(GrpcHandler(handler), server)
    credentials = grpc.dynamic_ssl_server_credentials(
        server_configuration(), server_configuration, require_client_authentication=True
    )
    server.add_secure_port(AUTHORITY, credentials)
    await server.start()
    return server


async def ask(text):
    config = ClientConfig(
        supported_protocol_bindings=["GRPC"], grpc_channel_factory=channel, streaming=False
    )
    client = ClientFactory(config).create(card())
    request = SendMessageRequest(message=new_text_message(text, role=Role.ROLE_USER))
    return [get_stream_response_text(event) async for event in client.send_message(request)]


async def main():
    server = await serve()
    print(await ask("hello"))
    await server.stop(None)
    SOURCE.close()


if __name__ == "__main__":
    asyncio.run(main())
