import type { Arch } from "../inspection.ts";

/** What each of Android's binary interfaces runs on; those of processors that artifacts cannot name are missing. */
const arches: ReadonlyMap<string, Arch> = new Map([
  ["arm64-v8a", "arm64"],
  ["armeabi-v7a", "armv7"],
  ["armeabi", "armv7"],
  ["x86", "x86"],
  ["x86_64", "x86_64"],
  ["riscv64", "riscv64"],
]);

/** A hostile archive can name as many as it has entries. */
const MAX_ABIS = 20;

/**
 * The binary interfaces an app has native code for: the folders with libraries in `lib/`, where `prefix` is what stands before that. And
 * the processors it can run on, empty when it has no native code.
 */
export function nativeAbis(
  names: Iterable<string>,
  prefix = "",
): { readonly abis: string[]; readonly runsOn: Arch[] } {
  const abis = new Set<string>();
  for (const name of names) {
    if (!name.startsWith(`${prefix}lib/`) || !name.endsWith(".so")) continue;
    const [abi, file] = name.slice(prefix.length + "lib/".length).split("/", 2);
    if (abi && file && abis.size < MAX_ABIS) abis.add(abi);
  }
  const sorted = [...abis].toSorted();
  const runsOn = new Set(sorted.flatMap((abi) => arches.get(abi) ?? []));
  return { abis: sorted, runsOn: [...runsOn] };
}
