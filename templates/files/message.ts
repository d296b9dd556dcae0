// Signed and sealed messages, as `openagents-certs message` writes and reads them. Needs jose.
//
//   node message.js seal alice.crt alice.key bob.message.crt AUDIENCE SCOPE < payload > message.jws
//   node message.js open bob.message.crt bob.message.key ca.crt AUDIENCE SCOPE < message.jws > payload

import { X509Certificate, createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { CompactEncrypt, CompactSign, compactDecrypt, compactVerify, importPKCS8, importX509 } from "jose";

const SIGNING = ["ES256", "ES384", "EdDSA", "PS256"];
const ENCRYPTION = ["ECDH-ES+A256KW", "RSA-OAEP-256"];

/** Signs a payload, encrypted for the owner of one certificate. */
export async function seal(
  payload: Uint8Array, chainPem: string, keyPem: string, recipientPem: string, audience: string, scope: string,
): Promise<string> {
  const chain = certificates(chainPem);
  const subject = names(chain[0])[0];
  const messageId = randomBytes(16).toString("hex");
  const recipient = new X509Certificate(recipientPem);
  const alg = recipient.publicKey.asymmetricKeyType === "rsa" ? "RSA-OAEP-256" : "ECDH-ES+A256KW";
  const encryptedPayload = await new CompactEncrypt(payload)
    .setProtectedHeader({ alg, enc: "A256GCM", kid: thumbprint(recipient), messageId, audience, subject })
    .encrypt(await importX509(recipientPem, alg));
  const now = Date.now();
  const envelope = {
    traceId: randomBytes(16).toString("hex"),
    messageId,
    idempotencyKey: randomBytes(16).toString("hex"),
    issuedAt: new Date(now).toISOString(),
    expiresAt: new Date(now + 60_000).toISOString(),
    caller: { subject, tenantId: "", serviceId: subject },
    auth: { issuer: chain[0].issuer, audience, scopes: [scope] },
    capability: "tool_call",
    encryptedPayload,
  };
  const x5c = chain.map((one) => one.raw.toString("base64"));
  const signing = algorithm(chain[0]);
  return new CompactSign(new TextEncoder().encode(JSON.stringify(envelope)))
    .setProtectedHeader({ alg: signing, typ: "openagents-message+jws", x5c })
    .sign(await importPKCS8(keyPem, signing));
}

/** The payload of a sealed message. Does not look for replays, nor at CRLs. */
export async function open(
  message: string, certificatePem: string, keyPem: string, caPem: string, audience: string, scope: string,
): Promise<Uint8Array> {
  const header = JSON.parse(Buffer.from(message.split(".")[0], "base64url").toString());
  if (Object.keys(header).sort().join() !== "alg,typ,x5c") throw new Error("malformed");
  const chain: X509Certificate[] = header.x5c.map((one: string) => new X509Certificate(Buffer.from(one, "base64")));
  verifyChain(chain, certificates(caPem));
  const key = await importX509(chain[0].toString(), header.alg);
  const verified = await compactVerify(message, key, { algorithms: SIGNING });
  const envelope = JSON.parse(new TextDecoder().decode(verified.payload));
  const subject = envelope.caller.subject;
  if (!names(chain[0]).includes(subject)) throw new Error("caller_mismatch");
  if (envelope.auth.audience !== audience) throw new Error("wrong_audience");
  if (!envelope.auth.scopes.includes(scope)) throw new Error("missing_scope");
  if (Date.parse(envelope.expiresAt) <= Date.now()) throw new Error("expired_message");
  const isRsa = new X509Certificate(certificatePem).publicKey.asymmetricKeyType === "rsa";
  const alg = isRsa ? "RSA-OAEP-256" : "ECDH-ES+A256KW";
  const opened = await compactDecrypt(envelope.encryptedPayload, await importPKCS8(keyPem, alg), {
    keyManagementAlgorithms: ENCRYPTION,
    contentEncryptionAlgorithms: ["A256GCM"],
  });
  const bound = opened.protectedHeader;
  const kid = thumbprint(new X509Certificate(certificatePem));
  const expected: Record<string, string> = { kid, messageId: envelope.messageId, audience, subject };
  for (const [name, value] of Object.entries(expected)) if (bound[name] !== value) throw new Error("malformed");
  return opened.plaintext;
}

/** Checks that each certificate is valid now and issued by the next, and the last one by a trust anchor. */
function verifyChain(chain: X509Certificate[], anchors: X509Certificate[]): void {
  const now = Date.now();
  chain.forEach((one, place) => {
    const issuers = place + 1 < chain.length ? [chain[place + 1]] : anchors;
    const isIssued = (issuer: X509Certificate) => issuer.ca && one.checkIssued(issuer) && one.verify(issuer.publicKey);
    if (!issuers.some(isIssued) || (place === 0 && one.ca)) throw new Error("untrusted_signer");
    if (Date.parse(one.validFrom) > now || Date.parse(one.validTo) < now) throw new Error("expired_certificate");
  });
}

/** The names a message may be sent under: URIs, hosts and mailboxes, or the common name. */
function names(certificate: X509Certificate): string[] {
  const all = certificate.subjectAltName;
  if (all === undefined) return /CN=(.*)/.exec(certificate.subject)?.slice(1) ?? [];
  const ofKind = (kind: string) =>
    all.split(", ").filter((name) => name.startsWith(kind)).map((name) => name.slice(kind.length));
  return [...ofKind("URI:"), ...ofKind("DNS:"), ...ofKind("email:")];
}

function algorithm(certificate: X509Certificate): string {
  const key = certificate.publicKey;
  if (key.asymmetricKeyType === "rsa") return "PS256";
  if (key.asymmetricKeyType === "ed25519") return "EdDSA";
  return key.asymmetricKeyDetails?.namedCurve === "secp384r1" ? "ES384" : "ES256";
}

function certificates(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

function thumbprint(certificate: X509Certificate): string {
  return createHash("sha256").update(certificate.raw).digest("base64url");
}

const [command, ...rest] = process.argv.slice(2);
const [audience, scope] = rest.slice(-2);
const [first, second, third] = rest.slice(0, -2).map((file) => readFileSync(file, "utf8"));
const input = readFileSync(0);
if (command === "seal") {
  console.log(await seal(input, first, second, third, audience, scope));
} else if (command === "open") {
  process.stdout.write(await open(input.toString().trim(), first, second, third, audience, scope));
}
