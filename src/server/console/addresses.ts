import type { ReleaseRecord } from "../../registry/records/releases.ts";

/** Addresses of the console's pages. */
export const appPath = (slug: string): string => `/admin/apps/${encodeURIComponent(slug)}`;

export const releasePath = ({ app, id }: Pick<ReleaseRecord, "app" | "id">): string =>
  `${appPath(app)}/releases/${id}`;

export const channelPath = (slug: string, channel: string): string =>
  `${appPath(slug)}/channels/${encodeURIComponent(channel)}`;

export const packagePath = (id: string): string => `/admin/packages/${id}`;

/** The log, of one app or one thing. */
export const auditPath = (filter: { readonly [name: string]: string }): string =>
  `/admin/audit?${new URLSearchParams(filter).toString()}`;
