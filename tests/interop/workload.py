"""The SPIFFE Workload API, as the `spiffe` package and grpcio see it. Prints one JSON object."""

import json
import sys
import threading
import time
from concurrent import futures

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID
from spiffe import WorkloadApiClient
from spiffe._proto import workload_pb2, workload_pb2_grpc

HEADER = (("workload.spiffe.io", "true"),)
DEADLINE = 60


def stub(socket, authority=None):
    options = [("grpc.default_authority", authority)] if authority else []
    channel = grpc.insecure_channel(f"unix:{socket}", options=options)
    return workload_pb2_grpc.SpiffeWorkloadAPIStub(channel)


def first(call):
    try:
        return next(iter(call))
    finally:
        call.cancel()


def described(svid):
    """One X509SVID message, read by `cryptography`."""
    leaf = x509.load_der_x509_certificate(svid.x509_svid)
    key = serialization.load_der_private_key(svid.x509_svid_key, None)
    anchors = x509.load_der_x509_certificate(svid.bundle)
    leaf.verify_directly_issued_by(anchors)

    def extension(oid):
        return leaf.extensions.get_extension_for_oid(oid)

    names = extension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    usage = extension(ExtensionOID.KEY_USAGE)
    extended = extension(ExtensionOID.EXTENDED_KEY_USAGE).value
    constraints = extension(ExtensionOID.BASIC_CONSTRAINTS).value
    return {
        "spiffe_id": svid.spiffe_id,
        "hint": svid.hint,
        "uris": names.get_values_for_type(x509.UniformResourceIdentifier),
        "dns": names.get_values_for_type(x509.DNSName),
        "digital_signature": usage.critical and usage.value.digital_signature,
        "signs_certificates": usage.value.key_cert_sign or usage.value.crl_sign,
        "both_usages": {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
        == set(extended),
        "is_ca": constraints.ca,
        "is_pair": key.public_key() == leaf.public_key(),
        "serial": serial(leaf),
        "seconds": (leaf.not_valid_after_utc.timestamp() - time.time()),
    }


def svids(socket, *_):
    """What a process gets: by the client of the package, and by the messages."""
    with WorkloadApiClient(f"unix://{socket}", default_timeout=DEADLINE) as client:
        context = client.fetch_x509_context()
        parsed = [str(svid.spiffe_id) for svid in context.x509_svids]
        domain = context.default_svid.spiffe_id.trust_domain
        anchors = len(client.fetch_x509_bundles().get_bundle_for_trust_domain(domain).x509_authorities)
    message = first(stub(socket).FetchX509SVID(workload_pb2.X509SVIDRequest(), metadata=HEADER))
    return {
        "parsed": parsed,
        "anchors": anchors,
        "svids": [described(svid) for svid in message.svids],
    }


def codes(socket, *_):
    """The status of calls that are not answered."""
    api = stub(socket)

    def code(call):
        try:
            call()
            return "OK"
        except grpc.RpcError as error:
            return error.code().name

    ask = workload_pb2
    return {
        "no_header": code(lambda: first(api.FetchX509SVID(ask.X509SVIDRequest()))),
        "wrong_header": code(
            lambda: first(
                api.FetchX509SVID(ask.X509SVIDRequest(), metadata=(("workload.spiffe.io", "false"),))
            )
        ),
        "x509_svid": code(lambda: first(api.FetchX509SVID(ask.X509SVIDRequest(), metadata=HEADER))),
        "x509_bundles": code(
            lambda: first(api.FetchX509Bundles(ask.X509BundlesRequest(), metadata=HEADER))
        ),
        "jwt_bundles": code(
            lambda: first(api.FetchJWTBundles(ask.JWTBundlesRequest(), metadata=HEADER))
        ),
        "jwt_svid": code(
            lambda: api.FetchJWTSVID(ask.JWTSVIDRequest(audience=["a"]), metadata=HEADER)
        ),
        "no_audience": code(lambda: api.FetchJWTSVID(ask.JWTSVIDRequest(), metadata=HEADER)),
        "validate": code(
            lambda: api.ValidateJWTSVID(
                ask.ValidateJWTSVIDRequest(audience="a", svid="a.b.c"), metadata=HEADER
            )
        ),
    }


def authorities(socket, *_):
    """Which values of `:authority` are accepted."""
    values = ["localhost", "tmp%2Fx.sock", "%2F", "a b", "/run/x.sock", "x" * 300, "%zz", "ü"]
    accepted = []
    for value in values:
        first(stub(socket, value).FetchX509SVID(workload_pb2.X509SVIDRequest(), metadata=HEADER))
        accepted.append(value)
    return {"accepted": len(accepted), "of": len(values)}


def jwt(socket, *_):
    with WorkloadApiClient(f"unix://{socket}", default_timeout=DEADLINE) as client:
        token = client.fetch_jwt_svid({"spiffe://example.org/peer", "b"})
        bundles = client.fetch_jwt_bundles()
        bundle = bundles.get_bundle_for_trust_domain(token.spiffe_id.trust_domain)
        valid = client.validate_jwt_svid(token.token, "b")
        header = json.loads(_padded(token.token.split(".")[0]))
        refused = {}
        for name, text, audience in [
            ("audience", token.token, "c"),
            ("signature", token.token[:-4] + "AAAA", "b"),
            ("form", "a.b", "b"),
            ("none", _encoded({"alg": "none", "kid": header["kid"]}) + "." + token.token.split(".")[1] + ".", "b"),
        ]:
            try:
                client.validate_jwt_svid(text, audience)
                refused[name] = False
            except Exception as error:
                refused[name] = "INVALID_ARGUMENT" in repr(error.__cause__ or error) or str(error)
    from spiffe import JwtSvid

    own = JwtSvid.parse_and_validate(token.token, bundle, {"b"})
    return {
        "spiffe_id": str(valid.spiffe_id),
        "own": str(own.spiffe_id),
        "kid": header["kid"],
        "alg": header["alg"],
        "in_bundle": bundle.get_jwt_authority(header["kid"]) is not None,
        "seconds": token.expiry - time.time(),
        "refused": refused,
    }


def _padded(part):
    import base64

    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _encoded(value):
    import base64

    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def streams(socket, count, *_):
    """Many streams at once, half of them on one connection. All stay open until the last has its SVID."""
    count = int(count)
    shared = stub(socket)
    calls = [
        (shared if i % 2 else stub(socket)).FetchX509SVID(
            workload_pb2.X509SVIDRequest(), metadata=HEADER
        )
        for i in range(count)
    ]
    with futures.ThreadPoolExecutor(count) as pool:
        messages = list(pool.map(lambda call: next(iter(call)), calls))
    serials = {described(message.svids[0])["serial"] for message in messages}
    for call in calls:
        call.cancel()
    return {"streams": len(messages), "serials": len(serials)}


def follow(socket, *_):
    """One line for each update of a stream, and one for its end."""
    call = stub(socket).FetchX509SVID(workload_pb2.X509SVIDRequest(), metadata=HEADER)
    try:
        for message in call:
            anchors = x509_count(message.svids[0].bundle)
            line = {"ids": [svid.spiffe_id for svid in message.svids], "anchors": anchors}
            line["serial"] = described_serial(message.svids[0])
            others = message.federated_bundles.items()
            line["federated"] = {domain: x509_count(der) for domain, der in others}
            print(json.dumps(line), flush=True)
    except grpc.RpcError as error:
        return {"ended": error.code().name}
    return {"ended": "OK"}


def described_serial(svid):
    return serial(certificates(svid.x509_svid)[0])


def serial(certificate):
    return certificate.serial_number.to_bytes(16, "big").hex(":")


def x509_count(der):
    return len(certificates(der))


def certificates(der):
    """The certificates that are there one after the other."""
    found = []
    while der:
        length, start = der[1], 2
        if length & 0x80:
            start += length & 0x7F
            length = int.from_bytes(der[2:start], "big")
        found.append(x509.load_der_x509_certificate(der[: start + length]))
        der = der[start + length :]
    return found


def conversation(socket, seconds, *_):
    """Mutual TLS between a server and a client of gRPC, whose certificates are replaced while they talk."""
    end = time.monotonic() + float(seconds)
    serials = set()
    said = 0
    for pair in talk(socket):
        serials.update(pair)
        said += 1
        if time.monotonic() > end:
            return {"said": said, "certificates": len(serials)}
        threading.Event().wait(0.2)


def rotations(socket, *_):
    """The same, as fast as it goes, until standard input ends. One line for each pair of new certificates."""
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    last = (None, None)
    said = 0
    for pair in talk(socket):
        said += 1
        if pair[0] != last[0] and pair[1] != last[1]:
            last = pair
            print(json.dumps({"said": said}), flush=True)
        if over.is_set():
            return {"said": said}


def talk(socket):
    """Says something over a new connection and over one that stays. Gives the serial numbers of both sides."""
    from spiffe import X509Source

    sources = [X509Source(socket_path=f"unix://{socket}") for _ in range(2)]

    def pair(source):
        context = source.get_x509_context()
        svid = context.default_svid
        chain = b"".join(c.public_bytes(serialization.Encoding.PEM) for c in svid.cert_chain)
        key = svid.private_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        bundle = context.x509_bundle_set.get_bundle_for_trust_domain(svid.spiffe_id.trust_domain)
        anchors = b"".join(
            c.public_bytes(serialization.Encoding.PEM) for c in bundle.x509_authorities
        )
        return key, chain, anchors, svid.leaf.serial_number

    presented = []

    def configuration():
        key, chain, anchors, serial_number = pair(sources[0])
        presented.append(serial_number)
        return grpc.ssl_server_certificate_configuration([(key, chain)], anchors)

    def echo(request, context):
        assert context.auth_context()["transport_security_type"] == [b"ssl"]
        return request

    def connect():
        key, chain, anchors, serial_number = pair(sources[1])
        credentials = grpc.ssl_channel_credentials(anchors, key, chain)
        options = [("grpc.ssl_target_name_override", "alice.example.org")]
        return grpc.secure_channel(f"127.0.0.1:{port}", credentials, options), serial_number

    def say(channel):
        assert channel.unary_unary("/test.Echo/Echo")(b"hello", timeout=DEADLINE) == b"hello"

    handler = grpc.method_handlers_generic_handler(
        "test.Echo", {"Echo": grpc.unary_unary_rpc_method_handler(echo)}
    )
    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[handler])
    credentials = grpc.dynamic_ssl_server_credentials(
        configuration(), configuration, require_client_authentication=True
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    stays, _ = connect()
    try:
        while True:
            channel, serial_number = connect()
            with channel:
                say(channel)
            say(stays)
            yield presented[-1], serial_number
    finally:
        stays.close()
        server.stop(None)
        for source in sources:
            source.close()


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    print(json.dumps(globals()[command](*arguments)))
