import { createHash } from "node:crypto";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { killPrograms } from "../support/programs.ts";
import { tarGzBytes } from "../support/test-store.ts";
import { type Distd, startDistd } from "./distd.ts";
import { ask } from "./transfer-server.ts";

let distd: Distd;
beforeAll(async () => {
  distd = await startDistd();
});
afterAll(async () => {
  await distd.close();
  await killPrograms();
});

const script = `"'><script>alert(1)</script><img src=x onerror=alert(1)>`;
/** Shown as it stands, what follows would read from right to left: `exe.gpj` as `jpg.exe`. */
const override = "\u202e";
const bytes = tarGzBytes("hostile");
const sha256 = createHash("sha256").update(bytes).digest("hex");

/** A release whose every text is hostile, as far as it is accepted. */
beforeAll(async () => {
  const settings = {
    display_name: `A${override}${script}`,
    owner: `O${override}${script}`,
    visibility: "public",
    testflight_url: `https://testflight.apple.com/join/${script}`,
    ios_mode: "testflight",
  };
  expect((await distd.api("POST", "/apps", { slug: "hostile", ...settings })).status).toBe(201);
  const upload = await ask(`${distd.url}/api/upload`, {
    method: "POST",
    headers: { Authorization: `Bearer ${distd.admin}`, "Content-Length": `${bytes.length}` },
    body: bytes,
  });
  expect(upload.status).toBe(201);
  const published = await distd.api("POST", "/apps/hostile/releases", {
    version: "1.0.0",
    channel: "beta",
    notes: `N${override}${script}\n</p></main>`,
    artifacts: [{ platform: "linux", filename: `F${override}${script.replaceAll("/", "")}.tar.gz`, sha256 }],
  });
  expect(published.json.status).toBe("published");
});

/** Every tag of a page, without its text. */
const tags = (html: string) => [...html.matchAll(/<[a-zA-Z][^>]*>/g)].map(([tag]) => tag);

describe("a page of hostile texts", () => {
  it.each(["/", "/install/hostile/beta", `/install/${encodeURIComponent(script)}/beta`])(
    "%s shows them as text, and has nothing that runs",
    async (path) => {
      const { headers, body } = await ask(distd.url + path, { headers: { Accept: "text/html" } });
      const html = body.toString();
      expect(html).not.toMatch(/<(script|img|iframe|object|embed|form|base)\b/i);
      for (const tag of tags(html)) expect(tag).not.toMatch(/\son\w+=|javascript:|\sstyle=/i);
      expect(html).not.toContain("alert(1)</script>");
      expect(headers["content-security-policy"]).toMatch(/default-src 'none'/);
    },
  );

  it("shows the names, and what would turn them as a sign that it was there", async () => {
    const { body } = await ask(`${distd.url}/install/hostile/beta`);
    const html = body.toString();
    for (const letter of ["A", "O", "F"])
      expect(html).toContain(`${letter}\ufffd&quot;&#39;&gt;&lt;script&gt;`);
    // In a paragraph of its own it ends with the paragraph (Unicode Standard Annex 9, rule X8).
    expect(html.replace(/<p class="notes"[\s\S]*?<\/p>/, "")).not.toContain(override);
    expect(html).toMatch(/href="https:\/\/testflight\.apple\.com\/join\/%22&#39;%3E%3Cscript%3E/);
  });
});

describe("texts that name things", () => {
  it.each(["slug", "version", "build", "channel", "filename"])(
    "%s holds no markup and no line break",
    async (field) => {
      for (const value of [script, "a\r\nSet-Cookie: x=y", "a\0b"]) {
        // A quotation mark in a file name is a file name all the same.
        if (field === "filename" && value === script) continue;
        const answer =
          field === "slug"
            ? await distd.api("POST", "/apps", { slug: value })
            : await distd.api("POST", "/apps/hostile/releases", {
                version: "2.0.0",
                channel: "beta",
                ...(field !== "filename" && { [field]: value }),
                artifacts: [
                  {
                    platform: "linux",
                    filename: "x",
                    sha256,
                    ...(field === "filename" && { filename: value }),
                  },
                ],
              });
        expect([answer.status, answer.json.error.code]).toEqual([400, expect.stringMatching(/\.invalid_/)]);
      }
    },
  );

  it.each(["testflight_url", "display_name", "owner"])("%s is a link or a line", async (field) => {
    for (const value of ["javascript:alert(1)//\n", "https://testflight.apple.com@evil.example/\r\n"]) {
      const answer = await distd.api("PATCH", "/apps/hostile", { [field]: value.replace("\n", "\nx") });
      expect([answer.status, answer.json.error.code]).toEqual([400, "app.invalid_setting"]);
    }
  });
});

describe("a download", () => {
  const head = async (artifact: object, version: string) => {
    const { status, json } = await distd.api("POST", "/apps/hostile/releases", {
      version,
      channel: "beta",
      artifacts: [{ platform: "linux", sha256, ...artifact }],
    });
    if (status !== 201) return json.error.code as string;
    return ask(`${distd.url}/download/${sha256}?artifact=${json.artifacts[0].id}`);
  };

  it("carries its name in one header, quoted, without what would turn it", async () => {
    const answer = await head({ filename: `a"; filename=evil.exe; x="${override}é.tar.gz` }, "3.0.0");
    if (typeof answer === "string") throw new Error(answer);
    expect(answer.headers["content-disposition"]).toBe(
      `attachment; filename="a_; filename=evil.exe; x=__.tar.gz"; ` +
        `filename*=UTF-8''a%22%3B%20filename%3Devil.exe%3B%20x%3D%22%C3%A9.tar.gz`,
    );
    expect(answer.headers["content-security-policy"]).toBe("sandbox");
  });

  it.each([
    "text/html\r\nSet-Cookie: x=y",
    "text/html\nX: y",
    "text/plain\0",
    "é/x",
    "<script>",
    " ",
    "a".repeat(4_000),
  ])("has no content type %j", async (contentType) => {
    const answer = await head({ filename: "x.tar.gz", content_type: contentType }, "4.0.0");
    expect(answer).toMatch(/^(release|request|validation)\./);
  });
});
