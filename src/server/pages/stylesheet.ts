import { hash } from "node:crypto";

/**
 * The one stylesheet of the pages. Text keeps a contrast of 4.5 and more on its ground, in both themes (WCAG 2.2, 1.4.3);
 * borders of controls keep 3 (1.4.11).
 */
export const stylesheet = `:root {
  color-scheme: light dark;
  --bg: light-dark(#ffffff, #131518);
  --soft: light-dark(#f4f6f6, #1b1e22);
  --line: light-dark(#e2e5e8, #2b2f35);
  --edge: light-dark(#858b92, #707780);
  --t1: light-dark(#16181b, #eceef0);
  --t2: light-dark(#484e55, #b4bac1);
  --t3: light-dark(#636a71, #949ba3);
  --link: light-dark(#1653bd, #8fb8ff);
  --ok: light-dark(#176b3a, #5fc98c);
  --warn: light-dark(#7a4a00, #e5b25c);
  --focus: light-dark(#1f6feb, #6ea3ff);
  --sans: "IBM Plex Sans", system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  --mono: "IBM Plex Mono", ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace;
}
* { box-sizing: border-box; margin: 0; }
body {
  background: var(--bg);
  color: var(--t1);
  font: 14px/20px var(--sans);
  font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere;
  -webkit-text-size-adjust: 100%;
}
main { max-width: 880px; margin: 0 auto; padding: 48px 24px; }
h1 { font-size: 24px; line-height: 32px; font-weight: 600; }
h2 { font-size: 16px; line-height: 24px; font-weight: 600; }
h3 { font-size: 14px; line-height: 20px; font-weight: 600; }
b, th { font-weight: 600; }
code { font-family: var(--mono); font-size: 0.93em; }
a { color: var(--link); text-underline-offset: 2px; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 2px; }
section { margin-top: 40px; scroll-margin-top: 16px; }
section > h2 + p, section > h2 + div { margin-top: 4px; }
ul { list-style: none; padding: 0; }
footer { margin-top: 48px; padding-top: 16px; border-top: 1px solid var(--line); font-size: 13px; }
.t2 { color: var(--t2); }
.t3 { color: var(--t3); }
.meta { color: var(--t3); font-size: 13px; }
.nw { white-space: nowrap; }
.vh { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.lead { margin-top: 8px; font-size: 16px; line-height: 24px; }
.lead + .t2 { margin-top: 8px; }
.say {
  margin-top: 24px;
  padding: 12px 16px;
  border: 1px solid var(--line);
  border-radius: 6px;
  background: var(--soft);
}
.ios > .say { margin-top: 8px; }
.ios > * + .t2 { margin-top: 8px; }
.ios .btn { margin-top: 8px; }
.cmd {
  display: block;
  margin-top: 8px;
  padding: 8px 12px;
  border: 1px solid var(--line);
  border-radius: 6px;
  background: var(--soft);
  user-select: all;
  -webkit-user-select: all;
}
.say .cmd { background: var(--bg); }

.top { display: flex; justify-content: space-between; gap: 24px; }
.top .meta { margin-top: 4px; }
.who { flex: 1; }
.icon { flex: none; border-radius: 12px; object-fit: contain; }
.warn { margin-top: 4px; color: var(--warn); font-size: 13px; }
.qr { flex: none; width: 136px; color: var(--t3); font-size: 12px; line-height: 16px; text-align: center; }
.qr svg { display: block; width: 136px; height: 136px; margin-bottom: 4px; background: #ffffff; border-radius: 6px; }
.qr path { fill: #16181b; }
.here { padding: 20px; border: 1px solid var(--edge); border-radius: 8px; }
.mark { margin-left: 12px; color: var(--ok); font-size: 13px; font-weight: 400; }
.mark::before {
  content: "";
  display: inline-block;
  width: 8px;
  height: 8px;
  margin-right: 6px;
  border-radius: 50%;
  background: currentColor;
}
.files { margin-top: 12px; border-top: 1px solid var(--line); }
.file {
  display: grid;
  grid-template-columns: minmax(0, 1fr) auto;
  align-items: center;
  gap: 8px 24px;
  padding: 12px 0;
  border-bottom: 1px solid var(--line);
}
.here .file:last-child { border-bottom: 0; padding-bottom: 0; }
.locked { max-width: 30ch; text-align: right; }
.btn {
  display: inline-block;
  padding: 7px 14px;
  border: 1px solid var(--edge);
  border-radius: 6px;
  color: var(--t1);
  font-weight: 600;
  text-align: center;
  text-decoration: none;
}
.btn:hover { background: var(--soft); }
.go { border-color: var(--t1); background: var(--t1); color: var(--bg); }
.go:hover { border-color: var(--t2); background: var(--t2); }
details { grid-column: 1 / -1; }
details .meta { margin-top: 8px; }
summary { width: fit-content; padding: 2px 0; color: var(--t2); font-size: 13px; cursor: pointer; }
.notes { margin-top: 4px; max-width: 72ch; color: var(--t2); white-space: pre-wrap; }

.slug { margin-left: 8px; color: var(--t3); font-size: 13px; font-weight: 400; }
table { width: 100%; margin-top: 8px; border-collapse: collapse; table-layout: fixed; }
thead th { padding: 0 24px 4px 0; color: var(--t3); font-size: 12px; line-height: 16px; font-weight: 400; text-align: left; }
thead th:not(:last-child) { width: 14%; }
tbody th, td { padding: 8px 24px 8px 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top; }
.links { display: grid; gap: 4px; }
.pager { display: flex; gap: 24px; margin-top: 40px; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; margin: 24px 0; color: var(--t2); }
.facts dt { color: var(--t3); }
.facts dd { margin: 0; }

@media (max-width: 640px) {
  main { padding: 24px 16px; }
  .qr { display: none; }
  .here { padding: 16px; }
  .file { grid-template-columns: minmax(0, 1fr); }
  .locked { max-width: none; text-align: left; }
  .btn { display: block; padding: 11px 16px; }
  summary { padding: 6px 0; }
  .links { gap: 8px; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody, tr { display: block; }
  tr { display: flex; flex-wrap: wrap; gap: 4px 12px; padding: 12px 0; border-top: 1px solid var(--line); }
  tbody th, td { padding: 0; border: 0; }
  td:last-child { flex-basis: 100%; margin-top: 4px; }
  td:empty { display: none; }
}
@media (forced-colors: active) {
  .btn { border-color: currentColor; }
  .mark::before { forced-color-adjust: none; }
}
`;

/** The first 16 hexadecimal digits of the stylesheet's SHA-256: another content, another address. */
export const stylesheetVersion = hash("sha256", stylesheet, "hex").slice(0, 16);

/** Where pages find it. */
export const stylesheetPath = `/assets/dist.css?v=${stylesheetVersion}`;
