import type { Digests } from "../../base/digest.ts";

/** What the thread that hashes is asked. `upload` and `part` are numbers of the asker's own, never used twice. */
export type HashRequest =
  | { readonly kind: "begin"; readonly upload: number }
  /** The next bytes of an upload, and of a part of it. */
  | { readonly kind: "update"; readonly upload: number; readonly part: number; readonly bytes: Uint8Array }
  /** Asks for the MD5 of a part so far, in hex; `ends` when no more comes. */
  | { readonly kind: "md5"; readonly upload: number; readonly part: number; readonly ends: boolean }
  /** Asks for both digests of an upload, and ends it. */
  | { readonly kind: "digest"; readonly upload: number }
  | { readonly kind: "drop"; readonly upload: number };

/** One for each request, in the order of the requests. */
export type HashReply = Digests | string | undefined;
