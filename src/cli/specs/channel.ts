import { defineCommand } from "../command.ts";
import { appOption, channelOption, pageOptions } from "./shared.ts";

export const channelList = defineCommand({
  name: "channel list",
  summary: "List an app's channels",
  description: "Lists the channels of an app with the release each points at.",
  options: appOption,
  examples: ["dist channel list --app acme-app"],
  exits: { 1: "refused: no such app" },
  needs: "store",
});

export const channelShow = defineCommand({
  name: "channel show",
  summary: "Show a channel and its policy",
  description: "Shows where a channel points, where a rollback would go, and who may move it when.",
  options: { ...appOption, ...channelOption },
  examples: ["dist channel show --app acme-app --channel stable"],
  exits: { 1: "refused: no such app or channel" },
  needs: "store",
});

export const channelSet = defineCommand({
  name: "channel set",
  summary: "Create a channel or change its settings",
  description: "Changes the settings that are given and keeps the others. A missing channel is created.",
  options: {
    ...appOption,
    ...channelOption,
    policy: {
      value: "WHEN",
      about: "auto: publishing moves it; manual: only promotion does",
      choices: ["auto", "manual"],
    },
    requireValidation: { about: "Only releases whose files passed every check", off: "any release" },
    from: {
      value: "CHANNEL",
      about: "Only releases that were current in this channel",
      off: "from anywhere",
    },
    minTime: {
      value: "DURATION",
      about: "How long they must have been current there, such as 24h; 0 for no time",
    },
    rolloutPercent: {
      value: "N",
      type: "integer",
      about: "The share of devices that update feeds offer the current release to",
    },
    retentionKeep: {
      value: "N",
      type: "integer",
      about: "Releases it keeps: 0 for every one, else at least 2",
      off: "as the app says",
    },
  },
  examples: [
    "dist channel set --app acme-app --channel stable --policy manual --require-validation",
    "dist channel set --app acme-app --channel stable --from beta --min-time 24h",
    "dist channel set --app acme-app --channel stable --rollout-percent 50",
  ],
  exits: { 1: "refused: no such app, a value is invalid" },
  needs: "store",
});

export const channelHistory = defineCommand({
  name: "channel history",
  summary: "Show every move of a channel",
  description: "Lists the moves of a channel, oldest first.",
  options: { ...appOption, ...channelOption, ...pageOptions },
  examples: ["dist channel history --app acme-app --channel stable"],
  exits: { 1: "refused: no such app or channel" },
  needs: "store",
});
