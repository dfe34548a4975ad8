/**
 * What a file name on disk must not hold: control characters, and those that turn the direction of writing, with which
 * `exe.gpj` is shown as `jpg.exe` and the other way round.
 */
const STRIPPED = /[\p{Cc}\u{200e}\u{200f}\u{202a}-\u{202e}\u{2066}-\u{2069}]/gu;

/**
 * `attachment` with a file name (RFC 6266). A name that is not plain ASCII is sent twice: as `filename*` (RFC 8187), and
 * as an approximation for clients that do not know that. `fallback` stands in when nothing is left of the name.
 */
export function attachment(filename: string | null, fallback: string): string {
  const name = (filename ?? "").toWellFormed().replaceAll(STRIPPED, "").replaceAll(/[/\\]/g, "_") || fallback;
  // Quotes could be escaped, but browsers disagree on how; some decode percent signs.
  const plain = name.replaceAll(/[^ -~]|["%]/gu, "_");
  if (plain === name) return `attachment; filename="${name}"`;
  return `attachment; filename="${plain}"; filename*=UTF-8''${encodeExtended(name)}`;
}

/** RFC 8187, 3.2.1: `attr-char` leaves out `'`, `(`, `)` and `*`, which encodeURIComponent lets through. */
function encodeExtended(name: string): string {
  return encodeURIComponent(name).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
