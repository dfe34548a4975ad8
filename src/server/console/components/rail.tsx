/** A channel's pointer beside the releases, newest at the top. */
export interface RailMark {
  /** The channel points here, pointed here before, or never did. */
  readonly mark: "here" | "was" | "none";
  /** Above what the channel points at: not reached yet. */
  readonly isAhead: boolean;
}

const STEP = 13;
const HEIGHT = 36;

const shown = (marks: readonly RailMark[]) => marks.length * STEP;

/** The head over the rails: each channel's first letter. */
export function RailHead({ channels }: { channels: readonly string[] }) {
  return (
    <th role="columnheader" scope="col" class="rail">
      <svg width={channels.length * STEP} height="14" aria-hidden="true">
        {channels.map((name, index) => (
          <text x={index * STEP + 6} y="11">
            {name.slice(0, 1)}
          </text>
        ))}
      </svg>
      <span class="vh">Channels</span>
    </th>
  );
}

/** One row of the rails: a dot where a channel points, a ring where it pointed. */
export function RailCell({ channels, marks }: { channels: readonly string[]; marks: readonly RailMark[] }) {
  const words = channels.flatMap((name, index) => {
    const mark = marks[index]?.mark;
    if (mark === "here") return [`${name} points here`];
    return mark === "was" ? [`${name} pointed here`] : [];
  });
  return (
    <td role="cell" class="rail">
      <svg width={shown(marks)} height={HEIGHT} viewBox={`0 0 ${shown(marks)} ${HEIGHT}`} aria-hidden="true">
        {marks.map(({ mark, isAhead }, index) => {
          const x = index * STEP + 6;
          return (
            <g>
              <line class={isAhead ? "ahead" : ""} x1={x} x2={x} y1="0" y2={HEIGHT} />
              {mark !== "none" && (
                <circle class={mark} cx={x} cy={HEIGHT / 2} r={mark === "here" ? 4 : 2.75} />
              )}
            </g>
          );
        })}
      </svg>
      <span class="vh">{words.join(", ")}</span>
    </td>
  );
}
