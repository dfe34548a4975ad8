import { defineCommand } from "../command.ts";

export const init = defineCommand({
  name: "init",
  summary: "Write a starter dist.json",
  description:
    "Writes a dist.json to fill in: what the release is called and which files belong to it. dist ci publish reads it. " +
    "Nothing is overwritten without --force.",
  options: {
    manifest: { value: "FILE", about: "Where to write it", default: "dist.json" },
    app: { value: "SLUG", about: "The app; the directory's name when absent" },
    version: { value: "V", about: "The version", default: "0.1.0" },
    channel: { value: "NAME", about: "The channel to publish to", default: "beta" },
    artifact: { value: "PLATFORM=PATH", type: "pairs", about: "A file of the release" },
    force: { about: "Overwrite a file that is there" },
  },
  examples: [
    "dist init --app acme-app --version 1.4.0",
    "dist init --artifact android_apk=out/acme.apk --artifact 'windows=out/*.msi'",
  ],
  exits: { 1: "the file is there already, or cannot be written" },
  needs: "none",
});

export const ciPublish = defineCommand({
  name: "ci publish",
  summary: "Publish a release: the one command of a CI job",
  description:
    "Reads dist.json, stores every file, checks it, and publishes the release in one transaction: all platforms become visible " +
    "together, and the channel moves if its policy allows. A failure leaves no channel moved and no half release. " +
    "A missing store is created, and so is the app.\n\n" +
    "When policy refuses to move the channel, the release is published all the same, the exit code is 0, and the answer says which rule refused.",
  options: {
    manifest: { value: "FILE", about: "The manifest", default: "dist.json" },
    channel: { value: "NAME", about: "Publish to this channel; beats the manifest", off: "publish to none" },
    version: { value: "V", about: "The version; beats the manifest" },
    build: { value: "B", about: "The build; beats the manifest" },
    notes: { value: "TEXT", about: "What changed; beats the manifest" },
    notesFile: { value: "FILE", about: "What changed, from a file" },
    metadata: { value: "KEY=VALUE", type: "pairs", about: "A fact of your own, kept with the release" },
    ifExists: {
      value: "WHAT",
      about: "When this version and build exist: refuse, or accept the very same files",
      choices: ["fail", "skip"],
      default: "fail",
    },
    output: { value: "FILE", about: "Also write the result as JSON to this file" },
    summary: { value: "FILE", about: "Append a summary in Markdown to this file, for the job's page" },
    dryRun: { about: "Hash, inspect and check everything; change nothing" },
  },
  examples: [
    "dist ci publish --local-store ./store --json",
    'dist ci publish --local-store ./store --version "$VERSION" --build "$BUILD" --channel beta --summary "$GITHUB_STEP_SUMMARY"',
    "dist ci publish --local-store ./store --if-exists skip",
    "dist ci publish --local-store ./store --dry-run",
  ],
  exits: {
    0: "published, or unchanged with --if-exists skip",
    1: "refused: the manifest, a file, the version exists, not allowed; nothing was published",
    4: "stored bytes or log found corrupt",
  },
  needs: "store",
  creates: true,
});
