import { type CanonicalValue, decodeCanonical, encodeCanonical } from "../../base/cbor.ts";
import { canonicalJson } from "../../base/jcs.ts";
import { EncodedAnswer } from "./route.ts";

const JSON_TYPE = "application/json";
const CBOR_TYPE = "application/cbor";

/** A value as its JCS projection, or as canonical CBOR for a request that would rather have that. */
export function canonicalBody(
  accept: string | undefined,
  value: CanonicalValue | EncodedAnswer,
): {
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly content: { readonly "Content-Type": string };
} {
  if (weightOf(accept, CBOR_TYPE) > weightOf(accept, JSON_TYPE)) {
    const cbor = value instanceof EncodedAnswer ? value.cbor : encodeCanonical(value);
    return { body: Buffer.from(cbor), content: { "Content-Type": CBOR_TYPE } };
  }
  const plain = value instanceof EncodedAnswer ? decodeCanonical(value.cbor) : value;
  return { body: canonicalJson(plain), content: { "Content-Type": JSON_TYPE } };
}

/** How much a type is wanted, 0 to 1. RFC 9110, 12.5.1: "the most specific reference has precedence". */
function weightOf(accept: string | undefined, type: string): number {
  if (accept === undefined) return type === JSON_TYPE ? 1 : 0;
  const weights = new Map(
    accept.split(",").map((range) => {
      const [name = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
      const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
      return [name, weight === undefined ? 1 : Number(weight) || 0];
    }),
  );
  return weights.get(type) ?? weights.get("application/*") ?? weights.get("*/*") ?? 0;
}
