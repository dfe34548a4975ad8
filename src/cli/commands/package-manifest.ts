import { resolve } from "node:path";

import { decodeCanonical } from "../../base/cbor.ts";
import { sha256Hex } from "../../base/digest.ts";
import { canonicalJson } from "../../base/jcs.ts";
import type { Run } from "../command.ts";
import { say } from "../escape.ts";
import { checkWritable, writeAtomically } from "../output-file.ts";
import type { packageManifest } from "../specs/package.ts";
import { refuseBytesOnScreen } from "../standard-output.ts";

export const run: Run<typeof packageManifest> = async (
  { output, registry, directory },
  { args, options },
) => {
  if (options.cbor && options.output === undefined) refuseBytesOnScreen(output, "CBOR");
  await checkWritable(options.output, directory);
  const bytes = await (await registry()).packageManifest(args.package);
  const document = options.cbor ? bytes : Buffer.from(`${canonicalJson(decodeCanonical(bytes))}\n`);
  if (options.output === undefined) {
    await output.document(once(document));
    return;
  }
  const path = resolve(directory, options.output);
  await writeAtomically(path, [document]);
  const report = {
    ok: true,
    package_id: args.package,
    manifest_sha256: sha256Hex(bytes),
    path,
    bytes: document.length,
  };
  output.result(
    report,
    () => say`Wrote the manifest to ${path}. Its SHA-256 as CBOR is ${report.manifest_sha256}.`,
  );
};

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
