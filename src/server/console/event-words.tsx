import type { Child } from "hono/jsx";

import type { AuditRecord } from "../../registry/records.ts";
import { decimalSize, shownName } from "../pages/wording.ts";
import { packagePath } from "./addresses.ts";

type Words = (event: AuditRecord) => Child;

const text = ({ metadata }: AuditRecord, key: string): string => {
  const value = metadata[key];
  return typeof value === "string" || typeof value === "number" ? shownName(String(value)) : "";
};

const package_ = (event: AuditRecord) => {
  const id = text(event, "package_id") || event.target_id;
  return (
    <a href={packagePath(id)}>
      <code>{id}</code>
    </a>
  );
};
const target = ({ target_id: id }: AuditRecord) => <code>{shownName(id)}</code>;
const channel = (event: AuditRecord) => <b>{text(event, "channel")}</b>;
const reason = (event: AuditRecord) =>
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
  "app.updated": () => <>Settings of an app changed</>,
  "app.identity_changed": (event) => <>Who may sign was changed{reason(event)}</>,
  "package.created": (event) => <>Package {package_(event)} begun</>,
  "package.file_added": (event) => <>Files added to {package_(event)}</>,
  "package.file_replaced": (event) => <>A file replaced in {package_(event)}</>,
  "package.file_removed": (event) => <>A file removed from {package_(event)}</>,
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
  "release.drafted": (event) => <>Release {text(event, "version")} drafted</>,
  "artifact.validated": (event) => (
    <>
      File <bdi>{text(event, "filename")}</bdi> checked: {text(event, "validation_status") || "done"}
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
      Channel {channel(event)} points at <code>{text(event, "release_id")}</code>
      {reason(event)}
    </>
  ),
  "channel.rolled_back": (event) => (
    <>
      Channel {channel(event)} rolled back{reason(event)}
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
  "retention.deletion_eligible": (event) => <>{package_(event)} may be deleted</>,
  "retention.deletion_ineligible": (event) => <>{package_(event)} is needed again</>,
  "token.created": (event) => (
    <>
      Token <b>{text(event, "name")}</b> made
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
  "store.cleaned": () => <>The store was cleaned</>,
  "store.verified": () => <>The store was verified</>,
};

/** Every type that has words. */
export const wordedEvents: readonly string[] = Object.keys(words);

/** What an event says, in a sentence; its type where there is none. */
export function EventWords({ event }: { event: AuditRecord }) {
  return <>{words[event.action]?.(event) ?? <b>{event.action}</b>}</>;
}
