// Between a UDP port and a browser: osc.js decodes every datagram, a WebSocket hands it to the page, and what the page answers goes
// to a file, a line of JSON each. Arguments: --modules node_modules --avatar FILE.vrm --out FILE.jsonl
// stdout: {"http": port, "udp": port}, then "ready" when the avatar is loaded, "still" for every picture, "error ..." from the page.
// stdin: "still NAME EXPRESSION" writes OUT.NAME.png of the frame in which EXPRESSION was strongest; its end ends the program.
import { createRequire } from "node:module";
import { createReadStream, createWriteStream, existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createSocket } from "node:dgram";
import { createInterface } from "node:readline";
import { dirname, extname, join, normalize, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: { modules: { type: "string" }, avatar: { type: "string" }, out: { type: "string" } },
});
const require = createRequire(join(resolve(options.modules), "here.js"));
const osc = require("osc");
const { WebSocketServer } = require("ws");

const HERE = dirname(fileURLToPath(import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".vrm": "model/gltf-binary" };
const say = (line) => process.stdout.write(`${line}\n`);
const log = createWriteStream(options.out);
const note = (entry) => log.write(`${JSON.stringify(entry)}\n`);

function fileOf(path) {
  if (path === "/") return join(HERE, "index.html");
  if (path === "/page.js") return join(HERE, "page.js");
  if (path === "/avatar.vrm") return resolve(options.avatar);
  if (!path.startsWith("/modules/")) return null;
  const file = normalize(join(resolve(options.modules), path.slice("/modules/".length)));
  return file.startsWith(resolve(options.modules) + sep) ? file : null;
}

const http = createServer((request, response) => {
  const file = fileOf(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
  if (file === null || !existsSync(file)) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream", "Cache-Control": "no-store" });
  createReadStream(file).pipe(response);
});

let page = null;
new WebSocketServer({ server: http }).on("connection", (socket) => {
  page = socket;
  socket.on("message", (data) => {
    const entry = JSON.parse(data);
    if (entry.kind === "ready") say("ready");
    if (entry.kind === "error") say(`error ${entry.text}`);
    if (entry.kind === "still") {
      writeFileSync(`${options.out}.${entry.name}.png`, Buffer.from(entry.url.split(",")[1], "base64"));
      say("still");
      return;
    }
    note(entry);
  });
});

function flatten(packet) {
  return packet.packets ? packet.packets.flatMap(flatten) : [[packet.address, ...(packet.args ?? [])]];
}

const udp = createSocket("udp4");
udp.on("message", (data) => {
  try {
    const messages = flatten(osc.readPacket(data, { metadata: false, unpackSingleArgs: false }));
    page?.send(JSON.stringify({ messages }));
  } catch (error) {
    note({ kind: "malformed", text: String(error) });
  }
});

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [command, name, expression] = line.trim().split(" ");
    page?.send(JSON.stringify({ command, name, expression }));
  })
  .on("close", () => log.end(() => process.exit(0)));

udp.bind(0, "127.0.0.1", () => {
  udp.setRecvBufferSize(1 << 20);
  http.listen(0, "127.0.0.1", () => say(JSON.stringify({ http: http.address().port, udp: udp.address().port })));
});
