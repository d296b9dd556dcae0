// A @grpc/grpc-js client that connects to the network over TLS.
import { readFileSync } from "node:fs";
import { Client, credentials } from "@grpc/grpc-js";

const channelCredentials = credentials.createSsl(
  readFileSync({{javascript:ca}}),
  readFileSync({{javascript:client_key}}),
  readFileSync({{javascript:client_cert}}),
);

export const client = new Client({{javascript:authority}}, channelCredentials);
