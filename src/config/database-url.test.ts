import { inspect } from "node:util";

import { describe, expect, it } from "vitest";

import { parseDatabaseUrl } from "./database-url.ts";

const plain = {
  engine: "postgres",
  host: "db.example.org",
  port: 5432,
  user: "dist",
  password: null,
  database: "dist",
  tls: "disable",
  rootCertificateFile: null,
  options: null,
};

describe("parseDatabaseUrl", () => {
  it.each([
    ["sqlite:dist.db", "dist.db"],
    ["sqlite:/var/lib/dist.db", "/var/lib/dist.db"],
    ["sqlite:a b?c#d.db", "a b?c#d.db"],
  ])("takes %s", (url, file) => {
    expect(parseDatabaseUrl(url)).toEqual({ engine: "sqlite", file });
  });

  it.each([
    ["postgres://dist@db.example.org/dist", {}],
    ["postgresql://dist@db.example.org:6432/dist", { port: 6432 }],
    ["postgres://d%40st@db.example.org/d%2Fb", { user: "d@st", database: "d/b" }],
    ["postgres://dist@[::1]/dist", { host: "::1" }],
    ["postgres://dist@localhost:5433/dist?host=/run/postgresql", { host: "/run/postgresql", port: 5433 }],
    ["postgres://dist@db.example.org/dist?sslmode=require", { tls: "require" }],
    [
      "postgres://dist@db.example.org/dist?sslmode=verify-full&sslrootcert=/etc/ca.pem",
      { tls: "verify-full", rootCertificateFile: "/etc/ca.pem" },
    ],
    ["postgres://dist@db.example.org/dist?options=-c%20search_path%3Done", { options: "-c search_path=one" }],
  ])("takes %s", (url, changes) => {
    expect(parseDatabaseUrl(url)).toEqual({ ...plain, ...changes });
  });

  it("keeps the password where nothing shows it", () => {
    const settings = parseDatabaseUrl("postgres://dist:p%3Ass@db.example.org/dist");
    expect(settings).toMatchObject({ engine: "postgres", user: "dist" });
    if (settings?.engine !== "postgres") throw new Error("It is PostgreSQL.");
    expect(settings.password?.reveal()).toBe("p:ss");
    for (const shown of [JSON.stringify(settings), inspect(settings, { depth: null, showHidden: true })]) {
      expect(shown).not.toContain("p:ss");
      expect(shown).not.toContain("p%3Ass");
    }
  });

  it.each([
    "",
    "sqlite:",
    "dist.db",
    "mysql://dist@db/dist",
    "postgres://db/dist",
    "postgres://dist@db",
    "postgres://dist@db/",
    "postgres:dist",
    "postgres://dist@db:99999/dist",
    "postgres://d%ZZst@db/dist",
    "postgres://dist:%ZZ@db/dist",
    "postgres://dist@db/dist#x",
    // libpq's prefer and allow take what they get; that is not an answer to "is it safe?".
    "postgres://dist@db/dist?sslmode=prefer",
    "postgres://dist@db/dist?sslmode=",
    "postgres://dist@db/dist?ssl=true",
    "postgres://dist@db/dist?sslrootcert=/etc/ca.pem",
    "postgres://dist@db/dist?sslmode=require&sslrootcert=/etc/ca.pem",
    "postgres://dist@db/dist?host=other",
  ])("refuses %j", (url) => {
    expect(parseDatabaseUrl(url)).toBeUndefined();
  });
});
