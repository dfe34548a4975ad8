import { UnreadableError } from "../unreadable.ts";

/** What is read of them. Others are left out, so that an archive cannot make us keep more and more of them. */
const keptKeys: ReadonlySet<string> = new Set([
  "path",
  "linkpath",
  "size",
  "GNU.sparse.name",
  "GNU.sparse.major",
  "GNU.sparse.size",
]);

/**
 * The records of a pax header (POSIX.1-2001) that are read: "%d %s=%s\n", the length of the whole record first. Throws `UnreadableError`
 * when a length is not that of a record.
 */
export function paxRecords(content: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < content.length;) {
    const space = content.subarray(at, at + 12).indexOf(0x20);
    const digits = content.toString("latin1", at, at + Math.max(0, space));
    const length = /^[1-9]\d*$/.test(digits) ? Number(digits) : 0;
    const record = content.subarray(at + space + 1, at + length);
    const equals = record.indexOf(0x3d);
    if (length === 0 || at + length > content.length || equals <= 0 || record.at(-1) !== 0x0a) {
      throw new UnreadableError("damaged", "A pax header in the tar archive is damaged.");
    }
    const key = record.toString("utf8", 0, equals);
    if (keptKeys.has(key)) records.set(key, record.toString("utf8", equals + 1, record.length - 1));
    at += length;
  }
  return records;
}
