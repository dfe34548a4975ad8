import { describe, expect, it } from "vitest";

import { DistError } from "../../base/errors.ts";
import { errorPage } from "./error-page.tsx";

describe("errorPage", () => {
  it.each([
    [401, "unauthenticated", "Sign-in needed"],
    [404, "not_found", "Not found"],
    [410, "gone", "No longer available"],
    [500, "internal", "Something went wrong here"],
    [418, "invalid", "The request was refused"],
  ] as const)("%d names code and request", (status, kind, heading) => {
    const html = errorPage(new DistError("some.code", kind, "What happened."), status, "req_1");
    expect(html).toContain(`<h1>${heading}</h1>`);
    expect(html).toContain("What happened.");
    expect(html).toContain("<code>some.code</code>");
    expect(html).toContain("<code>req_1</code>");
  });

  // A message quotes what was asked for, so it carries whatever stood in the address.
  it("escapes message, hint and request", () => {
    const error = new DistError("a.b", "not_found", "<script>1</script>", { hint: "<b>hint</b>" });
    const html = errorPage(error, 404, "<i>r</i>");
    expect(html).not.toMatch(/<script|<b>|<i>/);
    expect(html).toContain("&lt;b&gt;hint&lt;/b&gt;");
  });
});
