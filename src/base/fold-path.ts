/**
 * A path in the form in which a file system without the difference between capital and small letters compares it. Two paths
 * with one form cannot stand beside each other there.
 */
export function foldPath(path: string): string {
  return path.normalize("NFC").toUpperCase().toLowerCase().normalize("NFC");
}
