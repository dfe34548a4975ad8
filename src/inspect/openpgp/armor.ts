const SIGNATURE_BEGIN = "-----BEGIN PGP SIGNATURE-----";
const KEY_BEGIN = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const END = "-----END PGP ";

/** The bytes inside ASCII armour (RFC 9580 6.2), a cleartext signature's included; bytes without armour as they are. */
export function dearmored(bytes: Buffer): Buffer {
  const text = bytes.toString("latin1");
  const begin = [SIGNATURE_BEGIN, KEY_BEGIN].find((line) => text.includes(line));
  if (begin === undefined) return bytes;
  const start = text.indexOf(begin) + begin.length;
  const stop = text.indexOf(END, start);
  const lines = text.slice(start, stop === -1 ? undefined : stop).split(/\r?\n/);
  // Headers such as "Version:" end at an empty line; "=" and four characters are the checksum.
  const body = lines.filter((line) => !line.includes(":") && !/^=[A-Za-z0-9+/]{4}$/.test(line.trim()));
  return Buffer.from(body.join(""), "base64");
}
