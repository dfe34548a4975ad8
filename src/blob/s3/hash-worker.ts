// The thread that hashes the uploads of a process; `hash-thread.ts` starts it.
import { createHash, type Hash } from "node:crypto";
import { parentPort } from "node:worker_threads";

import { createDualHasher, type DualHasher } from "../../base/digest.ts";
import { assert } from "../../base/errors.ts";
import type { HashReply, HashRequest } from "./hash-messages.ts";

interface Upload {
  readonly whole: DualHasher;
  readonly parts: Map<number, Hash>;
}

assert(parentPort !== null, "hashing is a thread of its own");
const port = parentPort;
const uploads = new Map<number, Upload>();

let last: Promise<void> = Promise.resolve();
port.on("message", (request: HashRequest) => {
  last = last.then(async () => port.postMessage(await answer(request)));
});

async function answer(request: HashRequest): Promise<HashReply> {
  if (request.kind === "begin") {
    uploads.set(request.upload, { whole: await createDualHasher(), parts: new Map() });
    return undefined;
  }
  if (request.kind === "drop") {
    uploads.delete(request.upload);
    return undefined;
  }
  const upload = uploads.get(request.upload);
  assert(upload !== undefined, "an upload is hashed until its digest is asked for");
  switch (request.kind) {
    case "update":
      upload.whole.update(request.bytes);
      partOf(upload, request.part).update(request.bytes);
      return undefined;
    case "md5": {
      const hash = partOf(upload, request.part);
      if (request.ends) upload.parts.delete(request.part);
      return hash.copy().digest("hex");
    }
    case "digest":
      uploads.delete(request.upload);
      return upload.whole.digest();
  }
}

function partOf({ parts }: Upload, part: number): Hash {
  const known = parts.get(part);
  if (known !== undefined) return known;
  const hash = createHash("md5");
  parts.set(part, hash);
  return hash;
}
