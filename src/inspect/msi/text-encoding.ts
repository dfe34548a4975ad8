/** Windows code pages that `TextDecoder` knows by another name than `windows-…`; 0 is the one of the machine. */
const names: ReadonlyMap<number, string> = new Map([
  [0, "windows-1252"],
  [932, "shift_jis"],
  [936, "gbk"],
  [949, "euc-kr"],
  [950, "big5"],
  [10000, "macintosh"],
]);

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Text in a Windows code page, Latin for one that is not known. What reads as UTF-8 is taken for it whatever the page: tools write it
 * beside any, and text in another encoding is hardly ever UTF-8 by chance.
 */
export function decodeText(bytes: Uint8Array, codePage: number): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return decoderOf(codePage).decode(bytes);
  }
}

function decoderOf(codePage: number): TextDecoder {
  try {
    return new TextDecoder(names.get(codePage) ?? `windows-${codePage}`);
  } catch {
    return new TextDecoder("latin1");
  }
}
