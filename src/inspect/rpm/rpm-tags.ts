/** Tags of the signature header, whose numbers mean something else in the main header (rpm: rpmtag.h). */
export const signatureTags = {
  dsaHeader: 267,
  rsaHeader: 268,
  sha1Header: 269,
  longSize: 270,
  sha256Header: 273,
  openPgp: 278,
  size: 1000,
  pgp: 1002,
  md5: 1004,
  gpg: 1005,
} as const;

/** Tags of the main header. */
export const mainTags = {
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  summary: 1004,
  buildTime: 1006,
  installedBytes: 1009,
  vendor: 1011,
  license: 1014,
  packager: 1015,
  group: 1016,
  url: 1020,
  os: 1021,
  arch: 1022,
  sourceRpm: 1044,
  provideName: 1047,
  requireFlags: 1048,
  requireName: 1049,
  requireVersion: 1050,
  sourcePackage: 1106,
  provideFlags: 1112,
  provideVersion: 1113,
  payloadCompressor: 1125,
  longInstalledBytes: 5009,
  payloadDigest: 5092,
  payloadDigestAlgorithm: 5093,
} as const;

/** What is run when, by the tag of the script, or of the program that runs one without text. */
export const scriptTags: ReadonlyArray<readonly [name: string, text: number, program: number]> = [
  ["pretrans", 1151, 1153],
  ["pre", 1023, 1085],
  ["post", 1024, 1086],
  ["preun", 1025, 1087],
  ["postun", 1026, 1088],
  ["posttrans", 1152, 1154],
  ["verify", 1079, 1091],
  ["triggers", 1065, 1092],
  ["file_triggers", 5066, 5067],
  ["transaction_file_triggers", 5076, 5077],
];

/** Digests by OpenPGP's numbers, which rpm uses. */
export const digestAlgorithms: ReadonlyMap<number, string> = new Map([
  [1, "md5"],
  [2, "sha1"],
  [8, "sha256"],
  [9, "sha384"],
  [10, "sha512"],
]);
