import { scopes } from "../../registry/records/tokens.ts";
import { defineCommand } from "../command.ts";
import { appOption, pageOptions } from "./shared.ts";

export const tokenCreate = defineCommand({
  name: "token create",
  summary: "Create a token; its secret is shown once",
  description:
    "Creates a token for a program. The secret is printed once and kept only as a hash: store it where the program reads it. " +
    "App and channel that limit it need not exist yet. A missing store is created.",
  options: {
    name: { value: "NAME", about: "What it is for; unique among live tokens", required: true },
    scope: { value: "SCOPE", about: "What it may do", repeat: true, choices: scopes },
    app: { value: "SLUG", about: "Only for this app" },
    channel: { value: "NAME", about: "Only for this channel" },
    expiresIn: { value: "DURATION", about: "How long it lives, such as 30d; for ever when absent" },
  },
  examples: ["dist token create --name ci --scope publish --app acme-app --expires-in 90d"],
  exits: { 1: "refused: the name is taken, a value is invalid, or it would exceed your own rights" },
  needs: "store",
  creates: true,
});

export const tokenList = defineCommand({
  name: "token list",
  summary: "List tokens",
  description:
    "Lists tokens with what they may do and when they were last used, newest first; never a secret.",
  options: pageOptions,
  examples: ["dist token list"],
  needs: "store",
});

export const tokenRevoke = defineCommand({
  name: "token revoke",
  summary: "End a token",
  description: "Revokes a token at once and for good.",
  args: { id: { about: "The token's id (tok_…)" } },
  options: {},
  examples: ["dist token revoke tok_01h…"],
  exits: { 1: "refused: no such token, or revoked already" },
  needs: "store",
});

export const sessionList = defineCommand({
  name: "session list",
  summary: "List who is signed in to the console",
  description:
    "Lists sessions that have not ended, newest first: those of the caller, and with the scope admin everybody's.",
  options: {
    actor: { value: "ACTOR", about: "Only this actor's, such as token:ci or user:ann" },
    ...pageOptions,
  },
  examples: ["dist session list", "dist session list --actor user:ann"],
  needs: "store",
});

export const sessionEnd = defineCommand({
  name: "session end",
  summary: "Sign somebody out of the console",
  description:
    "Ends a session at once. The token that it was made from stays; `dist token revoke` ends that with all its sessions.",
  args: { id: { about: "The session's id (ses_…)" } },
  options: {},
  examples: ["dist session end ses_01h…"],
  exits: { 1: "refused: no such session, or it ended already" },
  needs: "store",
});

export const shareCreate = defineCommand({
  name: "share create",
  summary: "Create a share link; its secret is shown once",
  description:
    "Creates a link that opens an app's install page, and the artifacts that are current there, to whoever has it, also where the app " +
    "is private. It ends by itself: after 7 days when nothing is said, after a year at most.",
  options: {
    ...appOption,
    channel: { value: "NAME", about: "Only this channel; every channel when absent" },
    expiresIn: { value: "DURATION", about: "How long it works, such as 30d", default: "7d" },
  },
  examples: ["dist share create --app acme-app --channel beta --expires-in 30d"],
  exits: { 1: "refused: no such app or channel, or a time beyond a year" },
  needs: "store",
});

export const shareList = defineCommand({
  name: "share list",
  summary: "List an app's share links",
  description: "Lists an app's share links, newest first; never a secret.",
  options: { ...appOption, ...pageOptions },
  examples: ["dist share list --app acme-app"],
  needs: "store",
});

export const shareRevoke = defineCommand({
  name: "share revoke",
  summary: "End a share link",
  description: "Revokes a share link at once and for good. Revoking it again changes nothing.",
  args: { id: { about: "The link's id (shr_…)" } },
  options: appOption,
  examples: ["dist share revoke shr_01h… --app acme-app"],
  exits: { 1: "refused: no such link" },
  needs: "store",
});

export const auditList = defineCommand({
  name: "audit list",
  summary: "Show who did what",
  description:
    "Lists the record of all changes, newest first. With --follow it prints the last ones, oldest first, and goes on with new ones until " +
    "it is stopped; --json then prints one object per line.",
  options: {
    app: { value: "SLUG", about: "Only this app" },
    actor: { value: "ACTOR", about: "Only this actor, such as token:ci or local:ann" },
    action: { value: "ACTION", about: "Only this action, such as release.published" },
    target: { value: "ID", about: "Only what concerns this id" },
    since: { value: "TIME", about: "From this time on, as 2026-11-20T15:00:00Z" },
    until: { value: "TIME", about: "Before this time" },
    ...pageOptions,
    follow: { about: "Go on with new ones" },
  },
  examples: [
    "dist audit list --app acme-app --limit 20",
    "dist audit list --action release.revoked --json",
    "dist audit list --follow",
  ],
  needs: "store",
});
