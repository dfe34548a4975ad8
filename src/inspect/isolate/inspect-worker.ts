/**
 * The thread that looks at files: a file that makes a reader loop or fill its memory stops this thread, not the program. It takes one
 * file after the other.
 */
import { read } from "node:fs";
import { promisify } from "node:util";
import { parentPort } from "node:worker_threads";

import type { RandomAccess } from "../../base/random-access.ts";
import { inspectArtifact } from "../inspect-artifact.ts";
import type { FromInspector, ToInspector } from "./messages.ts";

const port = parentPort!;
const say = (message: FromInspector): void => port.postMessage(message);
const readFile = promisify(read);

/** Reads that wait for their bytes. */
const waiting = new Map<number, (bytes: Uint8Array) => void>();
let lastRequest = 0;

port.on("message", (message: ToInspector) => {
  if (message.type === "inspect") void inspect(message);
  else {
    waiting.get(message.request)?.(message.bytes);
    waiting.delete(message.request);
  }
});

async function inspect({
  declared,
  options,
  sizeBytes,
  fd,
}: ToInspector & { type: "inspect" }): Promise<void> {
  const bytes: RandomAccess = {
    sizeBytes,
    read: fd === undefined ? ask : (offset, length) => readBy(fd, offset, length),
    close: async () => {},
  };
  try {
    say({ type: "inspected", inspection: await inspectArtifact(bytes, declared, options) });
  } catch (error) {
    say({ type: "failed", fault: String(error) });
  }
}

function ask(offset: number, length: number): Promise<Uint8Array> {
  const request = (lastRequest += 1);
  return new Promise((resolve) => {
    waiting.set(request, resolve);
    say({ type: "read", request, offset, length });
  });
}

/** What this thread cannot read it asks for: whoever opened the file knows how to say what is wrong. */
async function readBy(fd: number, offset: number, length: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await readFile(fd, buffer, filled, length - filled, offset + filled).catch(
      () => failed,
    );
    if (bytesRead === 0) return ask(offset, length);
    filled += bytesRead;
  }
  return buffer;
}

const failed = { bytesRead: 0 };
