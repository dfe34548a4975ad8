import { defineCommand, defineOptions } from "../command.ts";
import { appOption, daysOption, pageOptions } from "./shared.ts";

const settingOptions = defineOptions({
  displayName: { value: "NAME", about: "The name people see" },
  owner: { value: "NAME", about: "Who answers for it", off: "nobody" },
  visibility: { value: "WHO", about: "Who sees it", choices: ["public", "unlisted", "private"] },
  platforms: { value: "P,P", about: "The platforms it may have, with commas between" },
  iosMode: {
    value: "MODE",
    about: "How iOS devices get it",
    choices: ["artifact_only", "testflight", "enterprise"],
  },
  testflightUrl: { value: "URL", about: "Where TestFlight offers it", off: "nowhere" },
  bundleId: {
    value: "PLATFORM=ID",
    type: "pairs",
    about: "Its bundle identifier on a platform; an empty one removes it",
  },
  iosBundleId: { value: "ID", about: "The same as --bundle-id ios=ID" },
  pin: {
    value: "PLATFORM=VALUE",
    type: "pairs",
    about: "Who may sign it on a platform, added to those who may",
  },
  unpin: { value: "PLATFORM", repeat: true, about: "Anybody may sign it on this platform" },
  signerPinning: {
    value: "HOW",
    about: "Whether the first release of a platform pins who signed it",
    choices: ["first_use", "manual"],
  },
  reason: { value: "TEXT", about: "Why those who may sign it change; needed once there are some" },
  retentionKeep: {
    value: "N",
    type: "integer",
    about: "Releases each channel keeps: 0 for every one, else at least 2",
  },
  retentionClass: { value: "CLASS", about: "The retention class of its releases", off: "none" },
});

export const appCreate = defineCommand({
  name: "app create",
  summary: "Create an app",
  description: "Creates an app. Publishing also creates it, with the defaults. A missing store is created.",
  options: { ...appOption, ...settingOptions },
  examples: [
    "dist app create --app acme-app --display-name Acme --visibility public",
    "dist app create --app acme-app --platforms ios,android_apk --ios-bundle-id org.acme.app",
  ],
  exits: { 1: "refused: the slug is taken, a value is invalid" },
  needs: "store",
  creates: true,
});

export const appList = defineCommand({
  name: "app list",
  summary: "List apps",
  description: "Lists apps, newest first.",
  options: pageOptions,
  examples: ["dist app list", "dist app list --json --limit 1000"],
  needs: "store",
});

export const appShow = defineCommand({
  name: "app show",
  summary: "Show an app's settings",
  description: "Shows everything that is set for an app.",
  options: appOption,
  examples: ["dist app show --app acme-app"],
  exits: { 1: "refused: no such app" },
  needs: "store",
});

export const appStats = defineCommand({
  name: "app stats",
  summary: "Count an app's downloads and publications",
  description:
    "Counts downloads by day, channel, version and platform, and publications by day. Days are UTC days.",
  options: {
    ...appOption,
    ...daysOption,
    channel: { value: "NAME", about: "Only what came by this channel, and what was published for it" },
  },
  examples: ["dist app stats --app acme-app", "dist app stats --app acme-app --days 7 --channel stable"],
  exits: { 1: "refused: no such app or channel, a number of days that is not 1 to 400" },
  needs: "store",
});

export const appSet = defineCommand({
  name: "app set",
  summary: "Change an app's settings",
  description: "Changes the settings that are given and keeps the others.",
  options: { ...appOption, ...settingOptions },
  examples: [
    "dist app set --app acme-app --visibility private",
    "dist app set --app acme-app --ios-mode testflight --testflight-url https://testflight.apple.com/join/abc",
    "dist app set --app acme-app --pin android_apk=18e8534fed30cbf9959e4073e723e3395a3f92fd6b41756d5fbc788f280c1107",
  ],
  exits: { 1: "refused: no such app, a value is invalid" },
  needs: "store",
});
