import { defineOptions } from "../command.ts";
import { archAliases, arches, formats, platforms } from "../../registry/manifest/vocabulary.ts";

/** Options that mean the same in several commands. */
export const appOption = defineOptions({
  app: { value: "SLUG", about: "The app", required: true },
});

export const channelOption = defineOptions({
  channel: { value: "NAME", about: "The channel", required: true },
});

export const daysOption = defineOptions({
  days: { value: "N", type: "integer", about: "Today and the days before it, up to 400; 30 when absent" },
});

export const pageOptions = defineOptions({
  limit: { value: "N", type: "integer", about: "At most this many items, up to 1000", default: "50" },
  after: { value: "CURSOR", about: "Continue after the page that gave this cursor" },
});

/** Names a version: by a manifest, or by itself. */
export const headOptions = defineOptions({
  manifest: { value: "FILE", about: "Take app, version and build from this dist.json" },
  app: { value: "SLUG", about: "The app; beats the manifest" },
  version: { value: "V", about: "The version; beats the manifest" },
  build: { value: "B", about: "The build; beats the manifest" },
});

export const buildOption = defineOptions({
  build: { value: "B", about: "The build, where the version has several" },
});

export const platformOption = defineOptions({
  platform: { value: "PLATFORM", about: "What the file is for", choices: platforms },
});

export const archOption = defineOptions({
  arch: { value: "ARCH", about: "The processor", choices: [...arches, ...archAliases] },
});

export const formatOption = defineOptions({
  format: { value: "FORMAT", about: "The file format", choices: formats },
});

/** How a file is declared on the command line. */
export const fileOptions = defineOptions({
  ...formatOption,
  filename: { value: "NAME", about: "The name downloads get; the file's own when absent" },
  contentType: { value: "TYPE", about: "The content type; by the format when absent" },
});

/** A release by id or version. */
export const releaseArgument = {
  release: { about: "The release's id (rel_…) or version" },
} as const;

/** A package by its id. */
export const packageArgument = {
  package: { about: "The package's id (pkg_…)" },
} as const;
