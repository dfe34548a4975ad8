/** The keys of a desktop entry's main group, without translations (Desktop Entry Specification). The first of two counts. */
export function desktopEntry(text: string): ReadonlyMap<string, string> {
  const entry = new Map<string, string>();
  let isInside = false;
  for (const line of text.split("\n")) {
    const trimmed = line.trim();
    if (trimmed.startsWith("[")) isInside = trimmed === "[Desktop Entry]";
    const equals = trimmed.indexOf("=");
    if (!isInside || equals <= 0 || trimmed.startsWith("#")) continue;
    const key = trimmed.slice(0, equals).trim();
    if (!entry.has(key)) entry.set(key, trimmed.slice(equals + 1).trim());
  }
  return entry;
}
