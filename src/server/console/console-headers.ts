/**
 * Scripts, styles, fonts and pictures of ours only, nothing inline, forms that go nowhere else, no frame around it: text that slips
 * through escaping has nothing to run with. Pages hold what their viewer may see, so nobody keeps them.
 */
export const consoleHeaders: Readonly<Record<string, string>> = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "same-origin",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cache-Control": "no-store",
  Vary: "Cookie",
};
