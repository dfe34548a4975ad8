/**
 * The fields of the first paragraph, by lower-case name: "Field names are not case-sensitive" (deb822(5)). Lines that begin with a space
 * go on with the field before. Where a field stands twice the first one counts.
 */
export function controlFields(control: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  let last: string | undefined;
  for (const line of control.split("\n")) {
    if (line.trim() === "") break;
    if (line.startsWith(" ") || line.startsWith("\t")) {
      if (last !== undefined) fields.set(last, `${fields.get(last)!}\n${line.trim()}`);
      continue;
    }
    const colon = line.indexOf(":");
    const name = colon > 0 ? line.slice(0, colon).toLowerCase() : undefined;
    last = name !== undefined && !fields.has(name) ? name : undefined;
    if (last !== undefined) fields.set(last, line.slice(colon + 1).trim());
  }
  return fields;
}

/** The relations of a dependency field, at most so many: `libc6 (>= 2.34)`, `a | b`. */
export function relations(field: string | undefined, limit: number): string[] {
  return (field ?? "")
    .split(",")
    .map((relation) => relation.split(/\s+/).join(" ").trim())
    .filter((relation) => relation !== "")
    .slice(0, limit);
}
