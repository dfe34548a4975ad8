import type { Arch } from "../inspection.ts";

/** <mach/machine.h>: the upper half of the subtype holds capabilities. */
const SUBTYPE_MASK = 0x00ffffff;
const CPU_X86 = 7;
const CPU_ARM = 12;
const CPU_POWERPC = 18;
/** CPU_ARCH_ABI64 and CPU_ARCH_ABI64_32. */
const ABI_64 = 0x01000000;
const ABI_64_32 = 0x02000000;

const armNames: ReadonlyMap<number, string> = new Map([
  [6, "armv6"],
  [9, "armv7"],
  [11, "armv7s"],
  [12, "armv7k"],
]);

/** The name Apple's tools have for a processor; its numbers when there is none. */
export function cpuName(type: number, subtype: number): string {
  const variant = subtype & SUBTYPE_MASK;
  switch (type) {
    case CPU_X86:
      return "i386";
    case CPU_X86 | ABI_64:
      return variant === 8 ? "x86_64h" : "x86_64";
    case CPU_ARM:
      return armNames.get(variant) ?? "arm";
    case CPU_ARM | ABI_64:
      return variant === 2 ? "arm64e" : "arm64";
    case CPU_ARM | ABI_64_32:
      return "arm64_32";
    case CPU_POWERPC:
      return "ppc";
    case CPU_POWERPC | ABI_64:
      return "ppc64";
    default:
      return `cpu ${type}/${variant}`;
  }
}

const arches: ReadonlyMap<string, Arch> = new Map([
  ["i386", "x86"],
  ["x86_64", "x86_64"],
  ["x86_64h", "x86_64"],
  ["armv7", "armv7"],
  ["armv7s", "armv7"],
  ["arm64", "arm64"],
  ["arm64e", "arm64"],
]);

/** What artifacts call the processors of these names; those they cannot name are left out. */
export function archesOf(names: readonly string[]): Arch[] {
  return [...new Set(names.flatMap((name) => arches.get(name) ?? []))];
}
