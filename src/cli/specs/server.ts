import { defineCommand } from "../command.ts";

export const serverRun = defineCommand({
  name: "server run",
  summary: "Serve a store over HTTP (what distd does)",
  description:
    "Serves a store directory over HTTP until SIGTERM or SIGINT; requests under way may then finish. A missing store is created. " +
    "A store that never had an administrator token gets one, shown once on standard error. " +
    "Standard output is the log, one JSON object per line.\n\n" +
    "With --check nothing is served: every check is shown with its result, and the first that failed decides the exit code. " +
    "Nothing is made, and a server may be running meanwhile.",
  options: {
    localStore: { value: "DIR", about: "The store directory", env: "DIST_STORE" },
    host: {
      value: "ADDRESS",
      about: "Listen on this address; 0.0.0.0 for every one",
      env: "DIST_SERVER_HOST",
    },
    port: {
      value: "N",
      type: "integer",
      about: "Listen on this port; 0 for any that is free",
      env: "DIST_SERVER_PORT",
    },
    workers: {
      value: "N",
      type: "integer",
      about: "Answer with this many processes",
      env: "DIST_SERVER_WORKERS",
    },
    publicUrl: {
      value: "URL",
      about: "Where people reach the server; links begin with it",
      env: "DIST_PUBLIC_URL",
    },
    config: { value: "FILE", about: "Read this file too, after the store's dist.toml" },
    check: { about: "Only check settings, database and object store; make and change nothing" },
  },
  examples: [
    "dist server run --local-store ./store",
    "dist server run --local-store /data --host 0.0.0.0 --public-url https://dist.example.org",
    "dist server run --local-store ./store --check",
  ],
  exits: {
    1: "refused: settings that cannot be read, a database that is somebody else's, an address that is in use",
    3: "database or object store unavailable, or refusing: see the code",
    4: "the database is damaged",
  },
  needs: "none",
  creates: true,
});
