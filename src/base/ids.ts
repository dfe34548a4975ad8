import { randomBytes } from "node:crypto";
import { TypeID } from "typeid-js";
import { type Clock, systemClock } from "./clock.ts";

/**
 * The kinds of things that have ids: apps, releases, artifacts, packages, tokens, holds, uploads, logs (one per store),
 * share links, nodes (one per process that has a store open) and sessions.
 */
export const ID_PREFIXES = [
  "app",
  "rel",
  "art",
  "pkg",
  "tok",
  "hold",
  "upl",
  "log",
  "shr",
  "node",
  "ses",
] as const;

export type IdPrefix = (typeof ID_PREFIXES)[number];

/** A TypeID: the prefix, `_`, and 26 characters of base 32. */
export type Id<Prefix extends IdPrefix = IdPrefix> = `${Prefix}_${string}`;

/** 128 bits in base 32; the first character carries three bits. TypeID specification: lower case, no i, l, o, u. */
const SUFFIX = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/** A fresh id. Ids of one prefix made in one process ascend as text, also within a millisecond and when the clock goes back. */
export function newId<Prefix extends IdPrefix>(prefix: Prefix, clock: Clock = systemClock): Id<Prefix> {
  return TypeID.fromUUIDBytes(prefix, nextUuidV7(clock.nowMs())).toString() as Id<Prefix>;
}

/** True for a well-formed id of this kind, in its one spelling. Says nothing about whether such a thing exists. */
export function isId<Prefix extends IdPrefix>(prefix: Prefix, text: string): text is Id<Prefix> {
  return text.startsWith(`${prefix}_`) && SUFFIX.test(text.slice(prefix.length + 1));
}

const COUNTER_LIMIT = 0x1000;
let lastMs = 0;
let counter = 0;

/**
 * A UUIDv7 above every one before it. RFC 9562 section 6.2, method 1: the 12 bits of `rand_a` are a counter, seeded anew
 * each millisecond with its top bit clear; when it overflows, or the clock goes back, the timestamp runs ahead of the
 * clock. 62 random bits follow, so ids of two processes do not collide.
 */
function nextUuidV7(nowMs: number): Uint8Array {
  const uuid = new Uint8Array(randomBytes(16));
  const view = new DataView(uuid.buffer);
  counter++;
  if (nowMs > lastMs || counter === COUNTER_LIMIT) {
    lastMs = Math.max(nowMs, lastMs + 1);
    counter = view.getUint16(6) % (COUNTER_LIMIT / 2);
  }
  view.setUint32(0, Math.floor(lastMs / 0x1_0000));
  view.setUint16(4, lastMs % 0x1_0000);
  view.setUint16(6, 0x7000 | counter);
  view.setUint8(8, 0x80 | (view.getUint8(8) & 0x3f));
  return uuid;
}
