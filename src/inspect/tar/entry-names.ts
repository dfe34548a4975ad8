import type { TarEntry } from "./tar-entries.ts";

/** A name without what does not count in it: `./` in front, empty segments, a slash at the end. */
export function normalName(name: string): string {
  return name
    .split("/")
    .filter((segment) => segment !== "" && segment !== ".")
    .join("/");
}

/** Absolute (unless it is unpacked into the root anyway), with a NUL, or with a segment `..`. */
export function leadsOut(name: string, isRooted: boolean): boolean {
  if (name.includes("\0") || (!isRooted && name.startsWith("/"))) return true;
  return name.split("/").includes("..");
}

/** Whether a link points out of the folder: what is unpacked later can be written through it. */
export function linkLeadsOut({ kind, name, linkName }: TarEntry, isRooted: boolean): boolean {
  if (kind === "hard_link") return leadsOut(linkName, isRooted);
  // `..` stays at the root where the root is.
  if (kind !== "symbolic_link" || isRooted) return false;
  if (linkName.startsWith("/")) return true;
  let depth = normalName(name).split("/").length - 1;
  for (const segment of linkName.split("/")) {
    if (segment === "..") depth -= 1;
    else if (segment !== "" && segment !== ".") depth += 1;
    if (depth < 0) return true;
  }
  return false;
}
