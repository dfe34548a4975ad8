import type { Hono } from "hono";

import type { PartDeps, ServerEnv } from "../server-context.ts";
import { closeUnread } from "./close-unread.ts";
import { downloadObject } from "./download-object.ts";
import { redirectToCurrent } from "./redirect-to-current.ts";
import { mountTus } from "./tus.ts";
import { uploadBody } from "./upload-body.ts";

/** Adds the routes that move bytes. HEAD is answered wherever GET is. */
export function mountTransfer(app: Hono<ServerEnv>, deps: PartDeps): void {
  app.post("/api/upload", closeUnread, uploadBody(deps));
  mountTus(app, deps);
  app.get("/download/:sha256", downloadObject(deps));
  app.get("/download/:app/:channel/:platform", redirectToCurrent);
  app.get("/download/:app/:channel/:platform/:archOrFormat", redirectToCurrent);
  app.get("/download/:app/:channel/:platform/:arch/:format", redirectToCurrent);
}
