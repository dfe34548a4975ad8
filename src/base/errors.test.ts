import { open } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { assert, DistError, errnoOf, errorFamily, hasCode } from "./errors.ts";

const family = errorFamily({
  "app.not_found": { kind: "not_found", about: "No such app." },
  "app.slug_taken": { kind: "conflict", about: "Another app has the slug." },
});

describe("errorFamily", () => {
  it("builds errors with the code's kind, and throws nothing itself", () => {
    const error = family.error("app.slug_taken", "acme is taken.", { details: { app: "acme" } });
    expect(error).toBeInstanceOf(DistError);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: "DistError",
      code: "app.slug_taken",
      kind: "conflict",
      message: "acme is taken.",
      details: { app: "acme" },
      hint: undefined,
    });
  });

  it("keeps its definitions for the reference", () => {
    expect(family.definitions["app.not_found"]).toEqual({ kind: "not_found", about: "No such app." });
  });
});

describe("DistError", () => {
  it("is written as the body that programs read", () => {
    const error = family.error("app.not_found", "No app is called acme.", {
      details: { app: "acme" },
      hint: "Create it.",
    });
    expect(JSON.stringify(error)).toBe(
      '{"error":{"code":"app.not_found","message":"No app is called acme.","details":{"app":"acme"},"hint":"Create it."}}',
    );
  });

  it("writes empty details, no absent hint, and never the cause: it may carry paths or secrets", () => {
    const error = family.error("app.not_found", "No.", { cause: new Error("secret") });
    expect(JSON.stringify(error)).toBe('{"error":{"code":"app.not_found","message":"No.","details":{}}}');
    expect(error.cause).toEqual(new Error("secret"));
  });

  it("has no cause property where none was given", () => {
    expect(Object.hasOwn(family.error("app.not_found", "No."), "cause")).toBe(false);
  });
});

describe("hasCode", () => {
  it("is true for a DistError with the code, and for nothing that only looks like one", () => {
    const error = family.error("app.not_found", "No.");
    expect(hasCode(error, "app.not_found")).toBe(true);
    expect(hasCode(error, "app.slug_taken")).toBe(false);
    expect(hasCode(Object.assign(new Error("No."), { code: "app.not_found" }), "app.not_found")).toBe(false);
    expect(hasCode(undefined, "app.not_found")).toBe(false);
  });
});

describe("errnoOf", () => {
  it("names the errno of a system error", async () => {
    const error: unknown = await open(new URL("no-such-file", import.meta.url)).catch(
      (cause: unknown) => cause,
    );
    expect(errnoOf(error)).toBe("ENOENT");
  });

  it("is undefined for anything else", () => {
    const others = [
      new Error("x"),
      Object.assign(new Error("x"), { code: 5 }),
      { code: "ENOENT" },
      "ENOENT",
      null,
    ];
    expect(others.map(errnoOf)).toEqual(others.map(() => undefined));
  });
});

describe("assert", () => {
  it("throws a bug, not a refusal, and only where the condition is false", () => {
    assert(1 + 1 === 2, "arithmetic");
    let raised: unknown;
    try {
      assert(false, "unreachable");
    } catch (error) {
      raised = error;
    }
    expect(raised).toEqual(new Error("Assertion failed: unreachable"));
    expect(raised).not.toBeInstanceOf(DistError);
  });
});
