import { hash } from "node:crypto";

import { type CanonicalValue, decodeCanonical, encodeCanonical } from "../base/cbor.ts";
import { fromTimestamp } from "../base/clock.ts";
import { DistError } from "../base/errors.ts";
import { logErrors } from "./errors.ts";
import { type DistEvent, type EventType, eventTypes } from "./events.ts";

/** An event's bytes may not be longer: 65,535. */
export const MAX_EVENT_BYTES = 65_535;

const knownTypes: ReadonlySet<string> = new Set<EventType>(eventTypes);
/** `seq`, `type`, `at`, `actor`, `subject`, `data`: each is checked by name below. */
const ENVELOPE_KEYS = 6;

/**
 * The canonical CBOR of an event: a map of exactly `seq`, `type`, `at`, `actor`, `subject`, `data`.
 * Raises `log.event_too_large`, `encoding.unsupported_value`.
 */
export function encodeEvent(event: DistEvent): Uint8Array {
  const bytes = encodeCanonical(event as unknown as CanonicalValue);
  if (bytes.length > MAX_EVENT_BYTES) {
    throw logErrors.error(
      "log.event_too_large",
      `A ${event.type} event of ${bytes.length} bytes is too large.`,
      {
        details: { type: event.type, bytes: bytes.length, limit: MAX_EVENT_BYTES },
      },
    );
  }
  return bytes;
}

/**
 * Reads an event back. What is inside `data` is believed: the bytes were written by `encodeEvent` and are proven by
 * their leaf hash. Raises `log.malformed_event`, `log.unknown_event_type`.
 */
export function decodeEvent(bytes: Uint8Array): DistEvent {
  if (bytes.length > MAX_EVENT_BYTES) {
    throw logErrors.error("log.malformed_event", `An event is not ${bytes.length} bytes long.`);
  }
  const value = decodeEnvelope(bytes);
  const isEnvelope =
    typeof value === "object" &&
    value !== null &&
    Object.keys(value).length === ENVELOPE_KEYS &&
    Number.isSafeInteger(value["seq"]) &&
    isTimestamp(value["at"]) &&
    typeof value["actor"] === "string" &&
    typeof value["subject"] === "string" &&
    isMap(value["data"]);
  if (!isEnvelope)
    throw logErrors.error("log.malformed_event", "The bytes are not an event's map of six keys.");
  const { type } = value;
  if (typeof type !== "string" || !knownTypes.has(type)) {
    throw logErrors.error(
      "log.unknown_event_type",
      `This version knows no event type ${JSON.stringify(type)}.`,
      {
        details: { seq: value["seq"], type },
        hint: "The store was written by a newer version; use that one.",
      },
    );
  }
  return value as unknown as DistEvent;
}

/** RFC 6962 section 2.1, the hash of a leaf: SHA-256(0x00 || bytes). */
export function leafHash(bytes: Uint8Array): Uint8Array {
  // A damaged table or an import can hold more than an event may: it is hashed, too, and then does not match.
  const isEventSized = bytes.length <= MAX_EVENT_BYTES;
  const leaf = isEventSized ? leafScratch.subarray(0, bytes.length + 1) : new Uint8Array(bytes.length + 1);
  leaf.set(bytes, 1);
  return hash("sha256", leaf, "buffer");
}

/** 0x00 and room for the longest event: a hash a microsecond has no time for an allocation. */
const leafScratch = new Uint8Array(MAX_EVENT_BYTES + 1);

function isMap(value: unknown): boolean {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  );
}

/** A log whose times could not be compared would stop every later write. */
function isTimestamp(value: unknown): boolean {
  return typeof value === "string" && TIMESTAMP.test(value) && !Number.isNaN(fromTimestamp(value));
}

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

function decodeEnvelope(bytes: Uint8Array): { [key: string]: CanonicalValue } {
  try {
    return decodeCanonical(bytes) as { [key: string]: CanonicalValue };
  } catch (cause) {
    if (!(cause instanceof DistError)) throw cause;
    throw logErrors.error("log.malformed_event", "The bytes of an event are not canonical CBOR.", { cause });
  }
}
