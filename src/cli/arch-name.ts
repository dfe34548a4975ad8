import type { Arch, archAliases } from "../registry/manifest/vocabulary.ts";

const aliases: Readonly<Record<(typeof archAliases)[number], Arch>> = { amd64: "x86_64", aarch64: "arm64" };

/** The architecture that `--arch` names, by its own name or another that is accepted. */
export function parseArchName(name: Arch | (typeof archAliases)[number] | undefined): Arch | undefined {
  return name === "amd64" || name === "aarch64" ? aliases[name] : name;
}
