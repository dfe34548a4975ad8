import { uploadErrors } from "../../registry/errors.ts";

/**
 * Checks what a client says of its upload. tus 1.0: "The Upload-Metadata request and response header MUST consist of one or
 * more comma-separated key-value pairs. The key and value MUST be separated by a space. … The key SHOULD be ASCII encoded
 * and the value MUST be Base64 encoded." It is given back as it came. Raises `upload.invalid_metadata`.
 */
export function checkUploadMetadata(header: string | undefined): string | null {
  if (header === undefined || header.trim() === "") return null;
  const keys = header.split(",").map((pair) => {
    const [, key] = /^([^\s,]+)(?: ([A-Za-z0-9+/]*={0,2}))?$/.exec(pair.trim()) ?? [];
    if (key !== undefined) return key;
    throw uploadErrors.error("upload.invalid_metadata", "Upload-Metadata is pairs of a key and Base64.", {
      details: { pair: pair.trim().slice(0, 100) },
    });
  });
  if (new Set(keys).size === keys.length) return header;
  throw uploadErrors.error("upload.invalid_metadata", "Upload-Metadata has a key twice.");
}
