/** The words a manifest may use, for those above the registry: option choices, completion, help. */
export { type Arch, arches, formats, type Platform, platforms } from "../../inspect/inspection.ts";

/** Other names that are accepted for an architecture. */
export const archAliases = ["amd64", "aarch64"] as const;
