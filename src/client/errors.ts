import { errorFamily } from "../base/errors.ts";

/** What can go wrong on the way to a server, besides what the server refuses itself. */
export const clientErrors = errorFamily({
  "client.unavailable": {
    kind: "unavailable",
    about: "The server cannot be reached, the connection was lost, or what answered is not the server.",
  },
  "client.tls": {
    kind: "denied",
    about: "The server's certificate is not trusted, or no encrypted connection came about.",
  },
  "client.redirected": {
    kind: "invalid",
    about: "The server sends the request elsewhere; a token is never sent after it.",
  },
  "client.digest_mismatch": { kind: "corrupt", about: "The server stored other bytes than were sent." },
  "client.not_remote": { kind: "invalid", about: "This works on a store directory only, not over a server." },
  "client.invalid_server": { kind: "invalid", about: "The server's address cannot be used." },
  "client.invalid_proxy": { kind: "invalid", about: "The proxy's address cannot be used." },
  "client.invalid_name": { kind: "invalid", about: "A name is empty or cannot stand in an address." },
  "client.ca_file": { kind: "invalid", about: "The file of certificate authorities cannot be used." },
});
