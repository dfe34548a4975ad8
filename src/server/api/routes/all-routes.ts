import type { ApiRoute } from "../route.ts";
import { appRoutes } from "./apps.ts";
import { auditRoutes } from "./audit.ts";
import { channelRoutes } from "./channels.ts";
import { objectRoutes } from "./objects.ts";
import { packageFileRoutes } from "./package-files.ts";
import { packageRoutes } from "./packages.ts";
import { releaseRoutes } from "./releases.ts";
import { retentionRoutes } from "./retention.ts";
import { sessionRoutes } from "./sessions.ts";
import { shareRoutes } from "./shares.ts";
import { statisticsRoutes } from "./statistics.ts";
import { storeRoutes } from "./store.ts";
import { tokenRoutes } from "./tokens.ts";

/** Every route by the resource it is about, in the order of the reference. */
export const routesByResource: Readonly<Record<string, readonly ApiRoute[]>> = {
  Apps: appRoutes,
  Releases: releaseRoutes,
  Channels: channelRoutes,
  Objects: objectRoutes,
  Packages: [...packageRoutes, ...packageFileRoutes],
  Retention: retentionRoutes,
  Tokens: tokenRoutes,
  Sessions: sessionRoutes,
  "Share links": shareRoutes,
  Audit: auditRoutes,
  "Search, status and statistics": statisticsRoutes,
  Store: storeRoutes,
};

export const apiRoutes: readonly ApiRoute[] = Object.values(routesByResource).flat();
