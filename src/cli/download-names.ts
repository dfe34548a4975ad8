/** What a file's name is made from. */
export interface NamedArtifact {
  readonly platform: string;
  readonly arch: string;
  readonly format: string;
  readonly filename: string;
  readonly sha256: string;
}

const maxNameBytes = 200;
/** Names that Windows gives to devices, with any extension. */
const deviceName = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/**
 * A file name for each artifact, all different even where the file system ignores case. The names come from whoever published, or from a
 * server: none of them leaves the directory, hides, or names a device.
 */
export function downloadNames(artifacts: readonly NamedArtifact[]): string[] {
  const plain = artifacts.map(({ filename, sha256 }) => safeFilename(filename, sha256));
  const counts = new Map<string, number>();
  for (const name of plain) counts.set(name.toLowerCase(), (counts.get(name.toLowerCase()) ?? 0) + 1);
  return artifacts.map(({ platform, arch, format }, index) => {
    const name = plain[index] ?? "";
    return (counts.get(name.toLowerCase()) ?? 0) > 1 ? `${platform}-${arch}-${format}-${name}` : name;
  });
}

function safeFilename(filename: string, fallback: string): string {
  const name = filename
    .replaceAll(/[/\\:*?"<>|\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, "_")
    .replace(/^\.+/, "")
    .replace(/[. ]+$/, "");
  if (name === "" || Buffer.byteLength(name) > maxNameBytes) return fallback;
  return deviceName.test(name) ? `_${name}` : name;
}
