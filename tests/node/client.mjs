// One conversation of Node's ws: `node client.mjs '{"url": …}'` prints what it saw as one line of JSON.
import { createRequire } from "node:module";

const plan = JSON.parse(process.argv[2]);
const WebSocket = createRequire(plan.modules + "/")("ws");

const seen = { heard: [], closed: null, protocol: null, extensions: null, status: null, pong: false };
const client = new WebSocket(plan.url, plan.protocols, {
  perMessageDeflate: plan.deflate,
  headers: plan.headers,
  ca: plan.ca,
  maxPayload: 64 << 20,
});
const patience = setTimeout(() => client.terminate(), plan.seconds * 1000);
let sent = 0;

function next() {
  if (sent === plan.sizes.length) {
    client.ping("p");
    return;
  }
  const size = plan.sizes[sent];
  sent += 1;
  client.send(sent % 2 ? "x".repeat(size) : Buffer.alloc(size, 120));
}

client.on("open", () => {
  seen.protocol = client.protocol;
  seen.extensions = client.extensions;
  next();
});
client.on("message", (data, isBinary) => {
  seen.heard.push([data.length, isBinary]);
  next();
});
client.on("pong", () => {
  seen.pong = true;
  client.close(4321, "done");
});
client.on("unexpected-response", (request, response) => {
  seen.status = response.statusCode;
  response.resume();
  clearTimeout(patience);
  console.log(JSON.stringify(seen));
  process.exit(0);
});
client.on("error", (error) => {
  seen.error = String(error);
});
client.on("close", (code, reason) => {
  clearTimeout(patience);
  seen.closed = [code, reason.toString()];
  console.log(JSON.stringify(seen));
});
