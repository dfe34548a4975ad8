import { randomUUID } from "node:crypto";

import type { Context } from "hono";
import type { Logger } from "pino";

import { DistError } from "../../base/errors.ts";
import { internalErrors } from "../../base/internal-errors.ts";
import type { OpenedObject } from "../../registry/records/objects.ts";
import type { Metrics } from "../metrics.ts";
import type { ServerEnv } from "../server-context.ts";
import { alreadySent, setHead } from "./already-sent.ts";
import type { ByteRange } from "./byte-ranges.ts";
import { passOn } from "./pass-on.ts";

type PassingChunks = Awaited<ReturnType<OpenedObject["readChunks"]>>;

/** A range to send, and the text that goes before it. */
interface Part {
  readonly range: ByteRange;
  readonly before: string;
}

/** A whole answer: its parts, the text after them, and what its head says. */
interface Plan {
  readonly status: 200 | 206;
  readonly headers: Record<string, string>;
  readonly parts: readonly [Part, ...Part[]];
  readonly after: string;
}

/**
 * Sends an object that is not empty, whole or in ranges, as fast as the client takes it. The file is closed when the client goes away. When
 * reading fails after the head was sent, the connection is destroyed: a short body must never look complete.
 */
export async function sendBytes(
  c: Context<ServerEnv>,
  request: {
    readonly object: OpenedObject;
    readonly ranges: readonly ByteRange[] | undefined;
    readonly headers: Record<string, string>;
    readonly log: Logger;
    readonly metrics: Metrics;
  },
): Promise<Response> {
  const { object, headers, log, metrics } = request;
  const plan = planOf(object, request.ranges, headers);
  // Opened before the head is set, so that what cannot be read is still answered with an error.
  const first = await object.readChunks(plan.parts[0].range);
  try {
    // Through `c`, for the headers that were set for every answer.
    setHead(c.env.outgoing, c.body(null, plan.status, plan.headers));
    await passOn(bodyOf(object, plan, first, metrics), c.env.outgoing).catch((error: unknown) => {
      // Anything else is the client's going away.
      if (error instanceof DistError) log.error({ err: error, sha256: object.sha256 }, "download cut short");
    });
  } finally {
    // A client that left before the first chunk leaves it untouched, and open.
    first.destroy();
  }
  return alreadySent;
}

function planOf(
  object: OpenedObject,
  ranges: readonly ByteRange[] | undefined,
  headers: Record<string, string>,
): Plan {
  const size = object.size_bytes;
  const [first = { start: 0, end: size - 1 }, ...others] = ranges ?? [];
  const contentRange = ({ start, end }: ByteRange) => `bytes ${start}-${end}/${size}`;
  if (others.length > 0) return multipartPlan(object, [first, ...others], headers, contentRange);
  return {
    status: ranges === undefined ? 200 : 206,
    headers: {
      ...headers,
      ...(ranges === undefined ? {} : { "Content-Range": contentRange(first) }),
      "Content-Length": `${lengthOf(first)}`,
    },
    parts: [{ range: first, before: "" }],
    after: "",
  };
}

/** RFC 9110, 14.6: each part has a type and a range of its own, the answer as a whole has no Content-Range. */
function multipartPlan(
  object: OpenedObject,
  [first, ...others]: readonly [ByteRange, ...ByteRange[]],
  headers: Record<string, string>,
  contentRange: (range: ByteRange) => string,
): Plan {
  const boundary = randomUUID();
  const part = (range: ByteRange, lineBreak: string): Part => ({
    range,
    before:
      `${lineBreak}--${boundary}\r\nContent-Type: ${object.content_type}\r\n` +
      `Content-Range: ${contentRange(range)}\r\n\r\n`,
  });
  const parts = [part(first, ""), ...others.map((range) => part(range, "\r\n"))] as const;
  const after = `\r\n--${boundary}--\r\n`;
  const length = parts.reduce(
    (sum, { range, before }) => sum + before.length + lengthOf(range),
    after.length,
  );
  return {
    status: 206,
    headers: {
      ...headers,
      "Content-Type": `multipart/byteranges; boundary=${boundary}`,
      "Content-Length": `${length}`,
    },
    parts: [parts[0], ...parts.slice(1)],
    after,
  };
}

async function* bodyOf(
  object: OpenedObject,
  plan: Plan,
  first: PassingChunks,
  metrics: Metrics,
): AsyncGenerator<Uint8Array> {
  for (const { range, before } of plan.parts) {
    if (before !== "") yield Buffer.from(before);
    const bytes = range === plan.parts[0].range ? first : await object.readChunks(range);
    let sentBytes = 0;
    for await (const chunk of bytes) {
      sentBytes += chunk.byteLength;
      metrics.downloaded(chunk.byteLength);
      yield chunk;
    }
    if (sentBytes !== lengthOf(range)) {
      throw internalErrors.error(
        "internal.unexpected",
        "The stored object is not as long as it is recorded.",
        {
          details: { sha256: object.sha256 },
        },
      );
    }
  }
  if (plan.after !== "") yield Buffer.from(plan.after);
}

function lengthOf({ start, end }: ByteRange): number {
  return end - start + 1;
}
