/**
 * Text that others wrote (names, notes, file names, server answers) must not reach a terminal raw: control characters
 * move the cursor, rewrite lines, set the clipboard (ESC ] 52) or the title; bidirectional overrides and invisible
 * characters make text read as something else.
 */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** For one line: every control, format and line-breaking character becomes visible, as `\x1b` or `\u{202e}`. */
export function escapeInline(text: string): string {
  return text.replaceAll(unsafe, visible);
}

/** The same, but line feeds stay: for text that may have several lines. */
export function escapeBlock(text: string): string {
  return text.replaceAll(unsafe, (character) => (character === "\n" ? character : visible(character)));
}

/** Template tag: the values are escaped, the sentence around them is ours. */
export function say(strings: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return strings.reduce((text, part, index) => text + escapeInline(String(values[index - 1] ?? "")) + part);
}

/** `1 file`, `2 files`. */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}

const named: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function visible(character: string): string {
  const short = named[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}
