import { text } from "node:stream/consumers";

import type { Hono } from "hono";
import { etag } from "hono/etag";

import { hasCode } from "../../base/errors.ts";
import { mayInApp } from "../../registry/access.ts";
import type { Store } from "../../registry/open-store.ts";
import type { ReleaseRecord } from "../../registry/records/releases.ts";
import type { Registry } from "../../registry/registry.ts";
import { finish, readAnswer } from "../conditional.ts";
import { KeptAnswers, type Made } from "../kept-answers.ts";
import type { ServerDeps, ServerEnv } from "../server-context.ts";
import { type Device, detectDevice } from "./detect-platform.ts";
import { indexPage, type IndexChannel } from "./index-page.tsx";
import { installModel } from "./install-model.ts";
import { installPage } from "./install-page.tsx";
import { installPlist } from "./install-plist.ts";
import { type ChannelPlace, manifestUrl } from "./links.ts";
import { pageHeaders } from "./page-headers.ts";
import { stylesheet, stylesheetVersion } from "./stylesheet.ts";

const pageReadHeaders = {
  caching: {
    "Cache-Control": "private, no-cache",
    Vary: "Accept, Authorization, Cookie, User-Agent, Sec-CH-UA-Platform",
  },
  content: { ...pageHeaders, "Content-Type": "text/html; charset=UTF-8" },
};

/** Each app costs a handful of reads, so a page of the index has fewer than a list of the API. */
const APPS_PER_PAGE = 20;

/**
 * The pages for people: the index, the install page of every channel, and their stylesheet; and what an install page sends
 * devices to. What is not there, or not for
 * the caller, is left to the server's error handler (`app.not_found`, `channel.not_found`, `app.no_install_manifest`,
 * `page.invalid_cursor`).
 */
export function mountPages(app: Hono<ServerEnv>, { store }: ServerDeps): void {
  const kept = new KeptAnswers();
  app.get("/", async (c) => {
    const after = c.req.query("after");
    const registry = c.get("registry");
    const page = await registry.listApps({
      limit: APPS_PER_PAGE,
      ...(after === undefined ? {} : { after }),
    });
    const apps = [];
    for (const item of page.items) apps.push({ app: item, channels: await channelsOf(registry, item.slug) });
    const model = {
      baseUrl: c.get("baseUrl"),
      share: c.get("share"),
      apps,
      next: page.next,
      isFirstPage: after === undefined,
    };
    return readAnswer(c.req.raw, finish(indexPage(model)), pageReadHeaders);
  });

  app.get("/install/:app/:channel", async (c) => {
    const place = {
      baseUrl: c.var.baseUrl,
      share: c.var.share,
      app: c.req.param("app"),
      channel: c.req.param("channel"),
    };
    const device = detectDevice(c.req.raw.headers, c.req.query("device"));
    const version = await store.appVersion(c.var.principal, place.app);
    const finished = await kept.answer(
      version,
      `${place.baseUrl} ${place.channel} ${device.platform} ${device.version}`,
      () => makeInstallPage(store, c.var, place, device),
    );
    return readAnswer(c.req.raw, finished, pageReadHeaders);
  });

  app.get("/install/:app/:channel/manifest.plist", async (c) => {
    const { app: slug, channel } = c.req.param();
    const manifest = await store.installManifest(c.get("principal"), slug, channel);
    return c.body(installPlist(manifest, { baseUrl: c.get("baseUrl"), channel }), 200, {
      ...pageHeaders,
      "Content-Type": "text/xml; charset=utf-8",
      "Cache-Control": "no-store",
    });
  });

  app.get("/assets/dist.css", etag(), (c) => {
    // Only an address that names this very content may be kept for ever.
    const isExact = c.req.query("v") === stylesheetVersion;
    return c.body(stylesheet, 200, {
      "Content-Type": "text/css; charset=utf-8",
      "Cache-Control": isExact ? "public, max-age=31536000, immutable" : "no-cache",
      "X-Content-Type-Options": "nosniff",
    });
  });
}

async function makeInstallPage(
  store: Store,
  { registry, principal }: Pick<ServerEnv["Variables"], "registry" | "principal">,
  place: ChannelPlace,
  device: Device,
): Promise<Made> {
  const app = await registry.getApp(place.app);
  const channel = await registry.getChannel(app.slug, place.channel);
  const release = await currentRelease(registry, app.slug, channel.current_release_id);
  const notes = release === null ? null : await notesOf(registry, release);
  const signature =
    app.ios_mode === "enterprise" ? await store.signInstallManifest(principal, app.slug, channel.name) : null;
  const model = installModel({
    app,
    place,
    release,
    notes,
    device,
    mayReadIpa: mayInApp(principal, "read", app.slug) || place.share !== undefined,
    manifestUrl: signature === null ? null : manifestUrl(place, signature),
  });
  // Lost notes may be uploaded again, which is no event of the app. Secrets of share links and signatures that end stand in addresses.
  const hasItsNotes = notes !== null || (release?.notes_sha256 ?? null) === null;
  const hasSecrets = place.share !== undefined || signature !== null;
  return { body: installPage(model), mayKeep: hasItsNotes && !hasSecrets };
}

async function channelsOf(registry: Registry, slug: string): Promise<IndexChannel[]> {
  const channels: IndexChannel[] = [];
  for (const channel of (await registry.listChannels(slug)).items) {
    const release = await currentRelease(registry, slug, channel.current_release_id);
    channels.push({ name: channel.name, release });
  }
  return channels;
}

/** Null for a channel without one, and for a release that was taken back while the page was being made. */
async function currentRelease(
  registry: Registry,
  slug: string,
  id: string | null,
): Promise<ReleaseRecord | null> {
  if (id === null) return null;
  const release = await registry.getRelease(slug, { release: id });
  return release.status === "published" ? release : null;
}

/** Long notes stand in an object of their own, of at most 64 KiB. */
async function notesOf(registry: Registry, release: ReleaseRecord): Promise<string | null> {
  if (release.notes !== null || release.notes_sha256 === null) return release.notes;
  try {
    const notes = await registry.openObject(release.notes_sha256);
    return await text(await notes.read());
  } catch (error) {
    // The files can still be handed out; a store that lost the notes says so in its verification.
    if (hasCode(error, "object.not_found")) return null;
    throw error;
  }
}
