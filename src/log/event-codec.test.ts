import { readFileSync } from "node:fs";

import { decode as decodeWithCbor2 } from "cbor2";
import { describe, expect, it } from "vitest";

import { type CanonicalValue, encodeCanonical } from "../base/cbor.ts";
import { decodeEvent, encodeEvent, leafHash, MAX_EVENT_BYTES } from "./event-codec.ts";
import type { DistEvent } from "./events.ts";

interface EventVectors {
  leaf_hash_of_nothing: string;
  vectors: { about: string; event: DistEvent; cbor: string; leaf_hash: string }[];
}

const { leaf_hash_of_nothing, vectors } = JSON.parse(
  readFileSync(new URL("../../docs/formats/vectors/events.json", import.meta.url), "utf8"),
) as EventVectors;

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));

const revoked = {
  seq: 7,
  type: "v1.release.revoked",
  at: "2026-11-20T15:00:00.000Z",
  actor: "local:ada",
  subject: "rel_1",
  data: { app_id: "app_1", release_id: "rel_1", reason: null },
} as const satisfies DistEvent;

/** Encodes what no writer would: the decoder must not depend on who wrote the bytes. */
const forged = (changes: object): Uint8Array =>
  encodeCanonical({ ...revoked, ...changes } as unknown as CanonicalValue);

describe("the published vectors", () => {
  it.each(vectors)("$event.type: $about", ({ event, cbor, leaf_hash }) => {
    expect(hexOf(encodeEvent(event))).toBe(cbor);
    expect(decodeEvent(bytesOf(cbor))).toEqual(event);
    expect(hexOf(leafHash(bytesOf(cbor)))).toBe(leaf_hash);
  });

  // An encoder and a decoder with the same mistake agree with each other; another library does not share it.
  it.each(vectors)("$event.type reads the same in another CBOR library", ({ event, cbor }) => {
    expect(decodeWithCbor2(bytesOf(cbor))).toEqual(event);
  });

  it("has three of them and RFC 6962's leaf of nothing", () => {
    expect(vectors).toHaveLength(3);
    expect(hexOf(leafHash(new Uint8Array()))).toBe(leaf_hash_of_nothing);
  });
});

describe("encodeEvent", () => {
  const withReason = (length: number): DistEvent => ({
    ...revoked,
    data: { ...revoked.data, reason: "x".repeat(length) },
  });
  // The reason takes a head of three bytes where the null took one.
  const longest = MAX_EVENT_BYTES - encodeEvent(revoked).length - 2;

  it("takes 65,535 bytes and not one more", () => {
    expect(encodeEvent(withReason(longest))).toHaveLength(65_535);
    expect(() => encodeEvent(withReason(longest + 1))).toThrow(
      expect.objectContaining({
        code: "log.event_too_large",
        details: { type: "v1.release.revoked", bytes: 65_536, limit: 65_535 },
      }),
    );
  });

  it("does not depend on the order of keys", () => {
    const { data, seq, ...rest } = revoked;
    expect(encodeEvent({ data, ...rest, seq } as DistEvent)).toEqual(encodeEvent(revoked));
  });
});

describe("decodeEvent", () => {
  const malformed = expect.objectContaining({ code: "log.malformed_event", kind: "corrupt" });

  it.each(Object.keys(revoked))("refuses an event without %s", (key) => {
    const { [key as "seq"]: _, ...without } = revoked;
    expect(() => decodeEvent(encodeCanonical(without as unknown as CanonicalValue))).toThrow(malformed);
  });

  it.each([
    ["a further key", { extra: 1 }],
    ["a seq that is text", { seq: "7" }],
    ["a seq that is no integer", { seq: 7.5 }],
    ["an actor that is null", { actor: null }],
    ["a subject that is a number", { subject: 1 }],
    ["data that is null", { data: null }],
    ["data that is an array", { data: [] }],
    ["data that is bytes", { data: new Uint8Array(2) }],
    ["a time without milliseconds", { at: "2026-11-20T15:00:00Z" }],
    // An unreadable time would make every later write fail: times of the log are compared.
    ["a time that is none", { at: "2026-13-20T15:00:00.000Z" }],
  ])("refuses %s", (_, changes) => {
    expect(() => decodeEvent(forged(changes))).toThrow(malformed);
  });

  it.each([
    ["more than 65,535 bytes", forged({ actor: "x".repeat(MAX_EVENT_BYTES) })],
    ["no map", encodeCanonical(["seq"])],
    ["null", encodeCanonical(null)],
    ["nothing", new Uint8Array()],
    ["a truncated event", encodeEvent(revoked).subarray(0, -1)],
    ["an event and a further byte", Buffer.concat([encodeEvent(revoked), Buffer.of(0)])],
  ])("refuses %s", (_, bytes) => {
    expect(() => decodeEvent(bytes)).toThrow(malformed);
  });

  it.each(["v2.release.revoked", "", "__proto__", "toString"])("does not know the type %j", (type) => {
    expect(() => decodeEvent(forged({ type }))).toThrow(
      expect.objectContaining({ code: "log.unknown_event_type", details: { seq: 7, type } }),
    );
  });

  it("does not know a type that is no text", () => {
    expect(() => decodeEvent(forged({ type: 1 }))).toThrow(
      expect.objectContaining({ code: "log.unknown_event_type" }),
    );
  });

  it("gives back what was written", () => {
    expect(decodeEvent(encodeEvent(revoked))).toEqual(revoked);
  });
});
