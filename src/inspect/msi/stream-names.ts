const characters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._";
const TABLE_MARK = "\u4840";

/**
 * The name of the stream that holds a table. Windows Installer packs two characters in one, 0x3800 + first + 64 × second, and a last
 * one alone as 0x4800 + it; a table's name begins with 0x4840.
 */
export function tableStreamName(table: string): string {
  const codes = Array.from(table, (character) => characters.indexOf(character));
  let name = TABLE_MARK;
  for (let at = 0; at < codes.length; at += 2) {
    const [first, second] = [codes[at]!, codes[at + 1]];
    name += String.fromCharCode(second === undefined ? 0x4800 + first : 0x3800 + first + 64 * second);
  }
  return name;
}
