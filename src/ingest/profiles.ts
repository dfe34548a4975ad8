/** Kinds of directories that say something about themselves. */
export const ingestProfiles = ["guide-board"] as const;
export type IngestProfile = (typeof ingestProfiles)[number];
