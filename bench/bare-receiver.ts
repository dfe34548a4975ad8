/** The least a server in Node can do with an upload: receives it and computes its SHA-256. `node bench/bare-receiver.ts PORT`. */
import { createHash } from "node:crypto";
import { createServer } from "node:http";

createServer((request, response) => {
  const hash = createHash("sha256");
  request.on("data", (chunk: Buffer) => hash.update(chunk));
  request.on("end", () => response.end(JSON.stringify({ sha256: hash.digest("hex") })));
}).listen(Number(process.argv[2]), "127.0.0.1");
