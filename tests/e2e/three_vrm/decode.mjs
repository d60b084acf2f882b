// Decodes OSC datagrams with osc.js: a line of hexadecimal on stdin each, a line of JSON on stdout each:
// [[address, types, [arguments]], ...], or {"error": ...}. Argument: the folder node_modules.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { join, resolve } from "node:path";

const osc = createRequire(join(resolve(process.argv[2]), "here.js"))("osc");

function flatten(packet) {
  if (packet.packets) return packet.packets.flatMap(flatten);
  return [[packet.address, packet.args.map(({ type }) => type).join(""), packet.args.map(({ value }) => value)]];
}

for await (const line of createInterface({ input: process.stdin })) {
  try {
    console.log(JSON.stringify(flatten(osc.readPacket(Buffer.from(line, "hex"), { metadata: true, unpackSingleArgs: false }))));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}
