import type { Child } from "hono/jsx";

import type { AuditRecord } from "../../registry/records/events.ts";
import { decimalSize, shownName } from "../pages/wording.ts";
import { packagePath } from "./addresses.ts";
import { Status } from "./components/status.tsx";
import { Time } from "./components/time.tsx";

/** What sentences are made of, of an event of the log or of a history. */
export type LoggedEvent = Pick<
  AuditRecord,
  "id" | "action" | "actor" | "target_id" | "metadata" | "created_at"
>;

type Words = (event: LoggedEvent) => Child;

const text = ({ metadata }: LoggedEvent, key: string): string => {
  const value = metadata[key];
  return typeof value === "string" || typeof value === "number" ? shownName(String(value)) : "";
};

/** An id as a link: its last characters, as the first ones tell the time. */
const link = (id: string, href: string) => (
  <a href={href}>
    <code title={id}>…{id.slice(-7)}</code>
  </a>
);
/** The search leads on to what an id names, which may be gone by now. */
const named = (id: string) => link(shownName(id), `/admin/search?q=${encodeURIComponent(id)}`);

const package_ = (event: LoggedEvent) => {
  const id = text(event, "package_id") || event.target_id;
  return link(id, packagePath(id));
};
const target = ({ target_id: id }: LoggedEvent) => named(id);
const release = (event: LoggedEvent) => {
  const id = text(event, "release_id");
  return id === "" ? <b>nothing</b> : named(id);
};
/** Several words of a value that is a list. */
const list = ({ metadata }: LoggedEvent, key: string): string => {
  const value = metadata[key];
  return Array.isArray(value) ? value.map((one) => shownName(String(one))).join(", ") : "";
};
/** The paths of an event's files: the first, and how many more. */
const files = ({ metadata }: LoggedEvent) => {
  const value = metadata["files"];
  const paths = Array.isArray(value) ? value.map((file) => (file as { path: string }).path) : [];
  return (
    <>
      <bdi>{shownName(paths[0] ?? "Files")}</bdi>
      {paths.length > 1 && ` and ${paths.length - 1} more`}
    </>
  );
};
const sum = ({ metadata }: LoggedEvent, key: string, one: string, many: string): string => {
  const count = Number(metadata[key] ?? 0);
  return count === 0 ? "" : `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
};
const channel = (event: LoggedEvent) => <b>{text(event, "channel")}</b>;
const reason = (event: LoggedEvent) =>
  text(event, "reason") === "" ? null : (
    <>
      : <bdi>{text(event, "reason")}</bdi>
    </>
  );

/** What happened, in words, by the event's type. */
const words: Readonly<Record<string, Words>> = {
  "app.created": (event) => (
    <>
      App <a href={`/admin/apps/${text(event, "slug")}`}>{text(event, "slug")}</a> made
    </>
  ),
  "app.updated": (event) => (
    <>
      Settings of app {target(event)} changed: {Object.keys(event.metadata["changes"] ?? {}).join(", ")}
    </>
  ),
  "app.identity_changed": (event) => (
    <>
      Who may sign app {target(event)} was changed{reason(event)}
    </>
  ),
  "package.created": (event) => <>Package {package_(event)} begun</>,
  "package.file_added": (event) => (
    <>
      {files(event)} added to {package_(event)}
    </>
  ),
  "package.file_replaced": (event) => <>A file replaced in {package_(event)}</>,
  "package.file_removed": (event) => (
    <>
      <bdi>{text(event, "path")}</bdi> removed from {package_(event)}
    </>
  ),
  "package.finalized": (event) => <>Package {package_(event)} finalized</>,
  "package.failed": (event) => (
    <>
      Package {package_(event)} failed{reason(event)}
    </>
  ),
  "package.deleted": (event) => (
    <>
      Package {package_(event)} deleted{reason(event)}
    </>
  ),
  "release.drafted": (event) => (
    <>
      Release {text(event, "version")} {target(event)} drafted
    </>
  ),
  "artifact.validated": (event) => (
    <>
      File <bdi>{text(event, "filename")}</bdi> of {release(event)} checked:{" "}
      {text(event, "validation_status") || "done"}
    </>
  ),
  "release.published": (event) => <>Release {target(event)} published</>,
  "release.revoked": (event) => (
    <>
      Release {target(event)} revoked{reason(event)}
    </>
  ),
  "release.deleted": (event) => (
    <>
      Release {target(event)} deleted{reason(event)}
    </>
  ),
  "channel.created": (event) => <>Channel {channel(event)} made</>,
  "channel.updated": (event) => <>Rules of channel {channel(event)} changed</>,
  "channel.promoted": (event) => (
    <>
      Channel {channel(event)} points at {release(event)}
      {event.metadata["rollout_percent"] !== 100 && ` for ${text(event, "rollout_percent")} %`}
      {reason(event)}
    </>
  ),
  "channel.rolled_back": (event) => (
    <>
      Channel {channel(event)} rolled back to {release(event)}
      {event.metadata["cause"] === "revocation" && " as its release was revoked"}
      {reason(event)}
    </>
  ),
  "retention.default_applied": (event) => (
    <>
      {package_(event)} is kept as <b>{text(event, "retention_class")}</b>
    </>
  ),
  "retention.extended": (event) => (
    <>
      {package_(event)} kept until {text(event, "new_expires_at").slice(0, 10)}
      {reason(event)}
    </>
  ),
  "retention.hold_applied": (event) => (
    <>
      {package_(event)} held{reason(event)}
    </>
  ),
  "retention.hold_released": (event) => (
    <>
      A hold on {package_(event)} released{reason(event)}
    </>
  ),
  "retention.deletion_eligible": (event) => (
    <>
      {package_(event)} may be deleted: {list(event, "rules")}
    </>
  ),
  "retention.deletion_ineligible": (event) => (
    <>
      {package_(event)} is needed again: {list(event, "rules")}
    </>
  ),
  "token.created": (event) => (
    <>
      Token{" "}
      <b>
        <bdi>{text(event, "name")}</bdi>
      </b>{" "}
      {target(event)} made for {list(event, "scopes")}
    </>
  ),
  "token.used": (event) => <>Token {target(event)} used for the first time</>,
  "token.revoked": (event) => <>Token {target(event)} revoked</>,
  "share.created": (event) => <>Share link {target(event)} made</>,
  "share.revoked": (event) => <>Share link {target(event)} revoked</>,
  "upload.expired": (event) => (
    <>An upload of {decimalSize(Number(event.metadata["bytes"] ?? 0))} ended unfinished</>
  ),
  "object.stored": (event) => (
    <>
      Object <code>{event.target_id.slice(0, 12)}</code> stored,{" "}
      {decimalSize(Number(event.metadata["size"] ?? 0))}
    </>
  ),
  "object.deleted": (event) => (
    <>
      Object <code>{event.target_id.slice(0, 12)}</code> deleted
    </>
  ),
  "store.cleaned": (event) => (
    <>
      The store was cleaned:{" "}
      {[
        sum(event, "packages", "package", "packages"),
        sum(event, "releases", "release", "releases"),
        sum(event, "drafts", "draft", "drafts"),
        sum(event, "objects", "object", "objects"),
        sum(event, "staging", "unfinished upload", "unfinished uploads"),
        decimalSize(Number(event.metadata["bytes"] ?? 0)),
      ]
        .filter((part) => part !== "")
        .join(", ")}{" "}
      went
    </>
  ),
};

/** Every type that has words. */
export const wordedEvents: readonly string[] = Object.keys(words);

/** What an event says, in a sentence; its type where there is none. */
export function EventWords({ event }: { event: LoggedEvent }) {
  return <>{words[event.action]?.(event) ?? <b>{event.action}</b>}</>;
}

interface EventRowsProps {
  events: readonly LoggedEvent[];
  nowMs: number;
  /** Those after this event are marked. */
  newAfter?: number | undefined;
}

/** Events in a list: what, by whom, when. */
export function EventRows({ events, nowMs, newAfter }: EventRowsProps) {
  return (
    <ul class="rows">
      {events.map((event) => (
        <li>
          <p>
            {newAfter !== undefined && event.id > newAfter && <Status icon="live">new</Status>}{" "}
            <EventWords event={event} /> <span class="t3">by {shownName(event.actor)}</span>
          </p>
          <span class="age">
            <Time at={event.created_at} nowMs={nowMs} />
          </span>
        </li>
      ))}
    </ul>
  );
}
