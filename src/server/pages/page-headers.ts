/**
 * No script, no frame, no form, nothing from elsewhere: text that slips through escaping has nothing to run with.
 * A share link's secret stands in the address, which no other site gets to see.
 */
export const pageHeaders: Readonly<Record<string, string>> = {
  "Content-Security-Policy":
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};
