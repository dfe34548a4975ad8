import { Readable } from "node:stream";

import { Busboy } from "@fastify/busboy";
import type { Context } from "hono";

import type { UploadedObject, UploadSource } from "../../registry/records/objects.ts";
import { checkCsrf } from "../csrf.ts";
import { httpErrors } from "../http-errors.ts";
import type { ServerEnv } from "../server-context.ts";
import { type SentForm, sentForm } from "./forms.ts";

const MAX_FIELDS = 50;
const MAX_FIELD_BYTES = 64 * 1024;
/** As many as a release has files at most. */
const MAX_FILES = 64;

/** A file that came with a form, stored. */
export interface ReceivedFile {
  readonly filename: string;
  readonly object: UploadedObject;
}

/**
 * Takes a form with files as it streams in: each file goes to `store` as it comes and is never held. The form's fields stand before
 * its files, so that nothing is stored for a form that is not ours. Raises `auth.csrf`, `request.invalid_body`, what `store` raises,
 * and the signal's reason when the client leaves.
 */
export async function receiveFiles(
  c: Context<ServerEnv>,
  store: (source: UploadSource) => Promise<UploadedObject>,
): Promise<{ readonly form: SentForm; readonly files: readonly ReceivedFile[] }> {
  const type = c.req.header("Content-Type") ?? "";
  if (!/^multipart\/form-data\b/i.test(type) || c.req.raw.body === null) {
    throw httpErrors.error("request.invalid_body", "Files are sent as multipart/form-data.");
  }
  const parser = new Busboy({
    headers: { "content-type": type },
    limits: {
      fields: MAX_FIELDS,
      fieldSize: MAX_FIELD_BYTES,
      files: MAX_FILES,
      parts: MAX_FIELDS + MAX_FILES,
    },
  });
  const fields = new URLSearchParams();
  const files: ReceivedFile[] = [];
  const body = Readable.fromWeb(c.req.raw.body);
  const done = Promise.withResolvers<void>();
  let storing: Promise<unknown> = Promise.resolve();
  let isOurs = false;
  /** The file that comes now: what breaks the form off ends it, too, or who stores it would wait for ever. */
  let current: Readable | undefined;

  const fail = (error: unknown) => {
    const reason = error instanceof Error ? error : new Error(String(error));
    done.reject(reason);
    current?.destroy(reason);
    body.unpipe(parser);
    // What still comes is thrown away: browsers show an answer only once they have sent all.
    body.resume();
  };
  parser.on("field", (name, value) => fields.append(name, value));
  parser.on("file", (_field, stream, filename) => {
    current = stream;
    // Whoever reads it gets the error; without a reader nobody has to.
    stream.on("error", () => {});
    const keep = async () => {
      if (!isOurs) {
        checkCsrf(c, fields.get("csrf"));
        isOurs = true;
      }
      // A file field that was left empty comes as a file without a name.
      if (!filename) return void stream.resume();
      const source: UploadSource = {
        open: async function* () {
          yield* stream as AsyncIterable<Uint8Array>;
        },
      };
      files.push({ filename, object: await store(source) });
    };
    storing = storing.then(keep).catch(fail);
  });
  for (const limit of ["partsLimit", "filesLimit", "fieldsLimit"] as const) {
    parser.on(limit, () =>
      fail(httpErrors.error("request.body_too_large", "The form has more parts than are taken.")),
    );
  }
  parser.on("error", () =>
    fail(httpErrors.error("request.invalid_body", "The form cannot be read: it is no multipart/form-data.")),
  );
  parser.on("finish", () => void storing.then(() => done.resolve(), fail));
  body.on("error", fail);
  body.pipe(parser);
  await done.promise;
  if (!isOurs) checkCsrf(c, fields.get("csrf"));
  return { form: sentForm(fields), files };
}
