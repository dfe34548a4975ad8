import { describe, expect, it } from "vitest";

import { bind, compile, Param, query } from "./query.ts";

const renameApp = query<{ slug: string; owner: string | null }>()((db, p) =>
  db.updateTable("app").set({ owner: p.owner }).where("slug", "=", p.slug).where("retention_keep", "=", 0),
);

describe("query", () => {
  it("takes parameters by name, wherever they stand, and leaves constants where they are", () => {
    const text = renameApp.compiled("sqlite");
    expect(text.sql).toBe('update "app" set "owner" = ? where "slug" = ? and "retention_keep" = ?');
    expect(text.values).toEqual([new Param("owner"), new Param("slug"), 0]);
    expect(bind(text, { slug: "acme", owner: "ada" })).toEqual(["ada", "acme", 0]);
    expect(bind(text, { owner: null, slug: "acme" })).toEqual([null, "acme", 0]);
  });

  it("binds one parameter at every place that names it", () => {
    const twice = query<{ at: string }>()((db, p) =>
      db.updateTable("app").set({ created_at: p.at, updated_at: p.at }),
    );
    expect(bind(twice.compiled("sqlite"), { at: "now" })).toEqual(["now", "now"]);
  });

  // Building on every call costs more than the statement: this would catch a query that does.
  it("is built once for each dialect, however often it runs", () => {
    let built = 0;
    const counted = query<object>()((db) => {
      built += 1;
      return db.selectFrom("app").selectAll().where("slug", "=", "acme");
    });
    expect(counted.compiled("sqlite")).toBe(counted.compiled("sqlite"));
    expect(built).toBe(1);
    expect(counted.compiled("postgres").sql).toContain("$1");
    counted.compiled("postgres");
    expect(built).toBe(2);
  });

  it("never puts a value into the text", () => {
    const { sql, values } = compile("sqlite", (db) =>
      db.selectFrom("app").select("id").where("slug", "=", "'; DROP TABLE app; --"),
    );
    expect(sql).not.toContain("DROP");
    expect(values).toEqual(["'; DROP TABLE app; --"]);
  });
});
