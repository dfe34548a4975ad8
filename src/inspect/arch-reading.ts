import type { Arch } from "./inspection.ts";

/** What a file says about the processor it is for. A reader answers this and never throws for a bad file. */
export type ArchReading =
  /** `native` is the file's own name for it; `arch` is null when artifacts cannot name that processor. */
  | { readonly kind: "read"; readonly native: string; readonly arch: Arch | null }
  /** The file may be sound, but this place in it is not read here. */
  | { readonly kind: "unavailable"; readonly reason: string }
  /** The place where the architecture stands is damaged or cut off. */
  | { readonly kind: "damaged"; readonly reason: string };

export function archRead(native: string, arch: Arch | undefined): ArchReading {
  return { kind: "read", native, arch: arch ?? null };
}

export function archUnavailable(reason: string): ArchReading {
  return { kind: "unavailable", reason };
}

export function archDamaged(reason: string): ArchReading {
  return { kind: "damaged", reason };
}
