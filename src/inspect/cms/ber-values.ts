import { type BerNode, damaged, tags } from "./ber.ts";

/** Longer ones do not exist, and their numbers would grow without end. */
const MAX_OID_BYTES = 64;
/** `YYYYMMDDHHMMSS.fffffffff+hhmm` and some more. */
const MAX_TIME_LENGTH = 40;

/** An object identifier in dotted form. Throws `UnreadableError`. */
export function oidOf(node: BerNode): string {
  const { content } = node.expect(tags.oid);
  if (content.length === 0 || content.length > MAX_OID_BYTES || content.at(-1)! >= 0x80) {
    throw damaged("has an object identifier that is none");
  }
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const octet of content) {
    arc = (arc << 7n) | BigInt(octet & 0x7f);
    if (octet >= 0x80) continue;
    arcs.push(arc);
    arc = 0n;
  }
  // X.690, 8.19.4: the first two arcs X and Y stand in one number, (X * 40) + Y; X is 0, 1 or 2.
  const [first = 0n, ...rest] = arcs;
  const top = first < 80n ? first / 40n : 2n;
  return [top, first - top * 40n, ...rest].join(".");
}

/**
 * The bytes of an OCTET STRING; the parts of one that is made of several are put together (X.690, 8.7.3). `tag` where another
 * one stands in its place. Throws `UnreadableError`.
 */
export function octetsOf(node: BerNode, tag: number = tags.octetString): Buffer {
  if (node.tag === tag) return node.content;
  if (node.tag !== (tag | 0x20)) node.expect(tag);
  return Buffer.concat(node.children().map((part) => octetsOf(part)));
}

/** UTCTime or GeneralizedTime; null when it is no such time. Throws `UnreadableError` for a value of another type. */
export function timeOf(node: BerNode): Date | null {
  if (node.tag !== tags.utcTime) node.expect(tags.generalizedTime);
  if (node.content.length > MAX_TIME_LENGTH) return null;
  const text = node.content.toString("latin1");
  const century = node.tag === tags.utcTime ? centuryOf(text) : "";
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(?:[.,](\d+))?(?:Z|([+-]\d\d)(\d\d))?$/.exec(
    century + text,
  );
  if (!parts) return null;
  const [, year, month, day, hour, minute, second = "00", fraction = "0", zoneHour = "+00", zone = "00"] =
    parts;
  const milliseconds = fraction.slice(0, 3).padEnd(3, "0");
  const time = Date.parse(
    `${year}-${month}-${day}T${hour}:${minute}:${second}.${milliseconds}${zoneHour}:${zone}`,
  );
  return Number.isNaN(time) ? null : new Date(time);
}

/** RFC 5280, 4.1.2.5.1: "Where YY is greater than or equal to 50, the year SHALL be interpreted as 19YY". */
function centuryOf(text: string): string {
  return text >= "50" ? "19" : "20";
}
