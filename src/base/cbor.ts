/** Canonical CBOR. `docs/formats/encoding.md` is the format; `vectors/` hold examples of every rule. */
export type { CanonicalValue } from "./canonical-value.ts";
export { decodeCanonical } from "./cbor-decode.ts";
export { encodeCanonical } from "./cbor-encode.ts";
