import type { S3Connection } from "./s3-connection.ts";

/** Every key below a prefix, in order. */
export async function* listKeys(
  s3: S3Connection,
  prefix: string,
): AsyncGenerator<{ key: string; sizeBytes: number; modifiedAtMs: number }> {
  let token: string | undefined;
  do {
    const page = await s3.run(`list ${prefix}`, "read", (client) =>
      client.listObjectsV2({
        ...s3.under(prefix),
        ...(token === undefined ? {} : { ContinuationToken: token }),
      }),
    );
    for (const { Key, Size, LastModified } of page.Contents ?? []) {
      yield { key: s3.keyOf(Key ?? ""), sizeBytes: Size ?? 0, modifiedAtMs: LastModified?.getTime() ?? 0 };
    }
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}
