/**
 * Preloaded into a program (`node --import`): its ids and its time are the same in every run, so that the paths of its
 * staging files and objects are known before they are made. The time is `FIXED_TIME_MS`.
 */
import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";

const now = Number(process.env["FIXED_TIME_MS"]);
Date.now = () => now;
crypto.randomBytes = ((size: number) => Buffer.alloc(size, 7)) as typeof crypto.randomBytes;
syncBuiltinESMExports();
