/** A program asks for what it uses of the C library by the version that brought it. */
const VERSION = /^GLIBC_(\d{1,4})\.(\d{1,4})(?:\.\d{1,4})?$/;

/** The newest version of the GNU C library among symbol versions, as `min_os` has it: "glibc 2.34". Null when none is of it. */
export function newestGlibc(symbolVersions: Iterable<string>): string | null {
  let newest: readonly [number, number] | undefined;
  for (const symbolVersion of symbolVersions) {
    const match = VERSION.exec(symbolVersion);
    if (!match) continue;
    const [major, minor] = [Number(match[1]), Number(match[2])];
    if (!newest || major > newest[0] || (major === newest[0] && minor > newest[1])) newest = [major, minor];
  }
  return newest ? `glibc ${newest[0]}.${newest[1]}` : null;
}
