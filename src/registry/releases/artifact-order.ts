import { type Arch, arches, type Format, formats } from "../../inspect/inspection.ts";

/** Universal first, then the common ones; the others follow by name. */
const preferredArches: readonly Arch[] = ["universal", "x86_64", "arm64"];
const archOrder: readonly Arch[] = [
  ...preferredArches,
  ...arches.filter((arch) => !preferredArches.includes(arch)).toSorted(),
];

/**
 * Orders artifacts of one platform by how many devices they are likely to fit: by arch, then formats in their order. What
 * stands first is what a stable link leads to.
 */
export function byPreference(
  left: { readonly arch: Arch; readonly format: Format },
  right: { readonly arch: Arch; readonly format: Format },
): number {
  return (
    archOrder.indexOf(left.arch) - archOrder.indexOf(right.arch) ||
    formats.indexOf(left.format) - formats.indexOf(right.format)
  );
}
