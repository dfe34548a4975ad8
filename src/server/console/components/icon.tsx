/** What the console draws, on a field of 16 by 16, as strokes. */
const shapes = {
  overview: "M2.5 2.5h4.4v4.4H2.5zM9.1 2.5h4.4v4.4H9.1zM2.5 9.1h4.4v4.4H2.5zM9.1 9.1h4.4v4.4H9.1z",
  apps: "M8 2 14 5 8 8 2 5zM2 8l6 3 6-3M2 11l6 3 6-3",
  packages: "M8 1.8 13.6 4.8v6.4L8 14.2 2.4 11.2V4.8zM2.6 4.9 8 7.9l5.4-3M8 7.9v6.1",
  audit: "M5.6 3.6h8M5.6 8h8M5.6 12.4h8M2.3 3.6h.5M2.3 8h.5M2.3 12.4h.5",
  tokens: "M8 11A3 3 0 1 1 2 11 3 3 0 0 1 8 11M7.1 8.9l6-6M10.8 5.2l2 2",
  settings:
    "M2 4.6h6.6M12.4 4.6H14M12.3 4.6a1.8 1.8 0 1 1-3.6 0 1.8 1.8 0 0 1 3.6 0M2 11.4h1.6M7.4 11.4H14M7.3 11.4a1.8 1.8 0 1 1-3.6 0 1.8 1.8 0 0 1 3.6 0",
  find: "M11.6 7A4.6 4.6 0 1 1 2.4 7 4.6 4.6 0 0 1 11.6 7M10.4 10.4 14 14",
  passed: "M3 8.5l3.4 3.4L13 4.8",
  findings: "M8 2.2 14.4 13.4H1.6zM8 6.4v3.2M8 11.4v.4",
  pending:
    "M5.6 2.6A6 6 0 0 1 8 2M10.9 2.7a6 6 0 0 1 2.6 2.8M14 8a6 6 0 0 1-.9 3.1M11.2 13.1A6 6 0 0 1 8 14M5 13.2a6 6 0 0 1-2.4-2.8M2 8a6 6 0 0 1 .9-3.2",
  failed: "M5.4 2h5.2L14 5.4v5.2L10.6 14H5.4L2 10.6V5.4zM5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4",
  revoked: "M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0M3.8 3.8l8.4 8.4",
  empty: "M12.5 8a4.5 4.5 0 1 1-9 0 4.5 4.5 0 0 1 9 0",
  live: "M8 5.5a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5M8 6.5v3M6.5 8h3",
  halted: "M5.6 3.5v9M10.4 3.5v9",
  rolling: "M14 8A6 6 0 1 1 8 2v6z",
  held: "M3.5 7.5h9v6h-9zM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5",
  clock: "M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0M8 4.6V8l2.4 1.6",
  flag: "M4 14V2.6h7.6L10 5.4l1.6 2.8H4",
  permanent: "M8 2l6 6-6 6-6-6z",
  may_go: "M4 2h8M4 14h8M4.8 2c0 4 6.4 4 6.4 6s-6.4 2-6.4 6M11.2 2c0 4-6.4 4-6.4 6s6.4 2 6.4 6",
  gone: "M3 8h10",
  soon: "M8 3 14 13H2z",
  up: "M8 13V3.4M4 7.2 8 3.2l4 4",
  back: "M6 3.6 2.6 7 6 10.4M3 7h6.6a3.4 3.4 0 0 1 0 6.8H7",
  copy: "M5.6 5.6h7.8v7.8H5.6zM10.4 5.6V2.6H2.6v7.8h3",
  arrow: "M2.5 8h10.6M9.2 4l4 4-4 4",
  file: "M4 1.8h5.4l3 3v9.4H4zM9.2 1.8V5h3.2",
} as const;

export type IconName = keyof typeof shapes;

/** A picture beside words; it says nothing by itself. */
export function Icon({ name, tone }: { name: IconName; tone?: "ok" | "warn" | "bad" }) {
  return (
    <svg class={tone === undefined ? "icon" : `icon ${tone}`} aria-hidden="true">
      <use href={`#i-${name}`} />
    </svg>
  );
}

/** The shapes themselves, once on a page, before the first use. */
export function IconShapes() {
  return (
    <svg class="symbols" aria-hidden="true">
      {Object.entries(shapes).map(([name, d]) => (
        <symbol id={`i-${name}`} viewBox="0 0 16 16">
          <path d={d} />
        </symbol>
      ))}
    </svg>
  );
}
