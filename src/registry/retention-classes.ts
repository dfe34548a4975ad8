/** The retention classes there are, in order of the default period. An operator can change a period, not the set. */
export const retentionClassNames = [
  "transient",
  "raw-evidence",
  "summary-evidence",
  "release-evidence",
  "permanent-record",
] as const;
