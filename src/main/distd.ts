#!/usr/bin/env node
// `distd …` is `dist server run …`.
process.argv.splice(2, 0, "server", "run");
await import("./dist.ts");
