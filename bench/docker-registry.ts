import type { ServerProcess } from "./servers.ts";
import { sendUpload, type UploadBody } from "./send-upload.ts";

/** Uploads a blob of the repository `tool` in one piece, as Distribution takes it: a POST for the place, a PUT of the bytes. */
export async function putBlob({ url }: ServerProcess, body: UploadBody, sha256: string): Promise<void> {
  const begun = await fetch(`${url}/v2/tool/blobs/uploads/`, { method: "POST" });
  const place = new URL(begun.headers.get("location")!, url);
  place.searchParams.set("digest", `sha256:${sha256}`);
  await sendUpload(place.href, body, { method: "PUT" });
}
