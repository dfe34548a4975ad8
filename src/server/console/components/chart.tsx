import { Table, Row, NameCell, Cell } from "./table.tsx";

export interface Series {
  readonly label: string;
  /** One value for each step. */
  readonly values: readonly number[];
}

/** More would not be told apart; what is beyond is summed by the caller. */
export const MAX_SERIES = 4;
const HEIGHT = 84;

interface BarsProps {
  /** What it shows, in a sentence. */
  title: string;
  /** What each step is called: days, hours. */
  steps: readonly string[];
  series: readonly Series[];
  /** What is counted, one of it. */
  unit: string;
}

/** Bars that stand on each other, the numbers in a table beneath: stretched by the browser, so words stand outside. */
export function Bars({ title, steps, series, unit }: BarsProps) {
  const totals = steps.map((_, at) => series.reduce((sum, { values }) => sum + (values[at] ?? 0), 0));
  const peak = Math.max(1, ...totals);
  const counted = (count: number) => `${count.toLocaleString("en")} ${unit}${count === 1 ? "" : "s"}`;
  return (
    <figure class="chart">
      {series.length > 1 && (
        <p class="legend">
          {series.map(({ label }, index) => (
            <span class="nw">
              <svg aria-hidden="true">
                <rect class={`s${index + 1}`} width="10" height="10" />
              </svg>
              {label}
            </span>
          ))}
        </p>
      )}
      <svg
        viewBox={`0 0 ${steps.length} ${HEIGHT}`}
        height={HEIGHT}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title} The numbers are in the table below.`}
      >
        <line class="grid" x1="0" x2={steps.length} y1="0.5" y2="0.5" />
        {steps.map((step, at) => {
          let top = HEIGHT;
          return (
            <g>
              <title>{`${step}: ${counted(totals[at]!)}`}</title>
              {series.map(({ values }, index) => {
                const height = ((values[at] ?? 0) / peak) * HEIGHT;
                top -= height;
                return height > 0 ? (
                  <path
                    class={`s${index + 1}`}
                    d={`M${(at + 0.12).toFixed(2)} ${top.toFixed(1)}h.76v${height.toFixed(1)}h-.76z`}
                  />
                ) : null;
              })}
            </g>
          );
        })}
      </svg>
      <p class="chart-ends">
        <span>{steps[0]}</span>
        <span>peak {counted(peak)}</span>
        <span>{steps.at(-1)}</span>
      </p>
      <details>
        <summary>As a table</summary>
        <Table
          caption={title}
          columns={[{ label: "When" }, ...series.map(({ label }) => ({ label, isNumber: true }))]}
        >
          {steps.map((step, at) => (
            <Row>
              <NameCell>{step}</NameCell>
              {series.map(({ label, values }) => (
                <Cell label={label} isNumber>
                  {(values[at] ?? 0).toLocaleString("en")}
                </Cell>
              ))}
            </Row>
          ))}
        </Table>
      </details>
    </figure>
  );
}

/** Bars in a row of a table; the number beside them says what counts. */
export function Spark({ values }: { values: readonly number[] }) {
  const peak = Math.max(1, ...values);
  return (
    <svg
      viewBox={`0 0 ${Math.max(1, values.length)} 16`}
      width={Math.max(1, values.length) * 3}
      height="16"
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {values.map((value, at) => {
        const height = (value / peak) * 16;
        return value > 0 ? (
          <rect class="s2" x={at + 0.1} y={(16 - height).toFixed(2)} width="0.8" height={height.toFixed(2)} />
        ) : null;
      })}
    </svg>
  );
}

interface MeterProps {
  label: string;
  /** Shares of the whole, 0 to 1, from the left; `isAmber` for what may go. */
  parts: readonly { readonly share: number; readonly isAmber?: boolean }[];
}

/** One bar, filled by shares. */
export function Meter({ label, parts }: MeterProps) {
  let left = 0;
  return (
    <svg width="100%" height="6" role="img" aria-label={label}>
      <rect class="track" width="100%" height="6" />
      {parts.map(({ share, isAmber = false }, index) => {
        const x = left;
        left += share;
        return (
          <rect
            class={isAmber ? "s-amber" : `s${Math.min(index + 1, MAX_SERIES)}`}
            x={`${(x * 100).toFixed(2)}%`}
            width={`${(share * 100).toFixed(2)}%`}
            height="6"
          />
        );
      })}
    </svg>
  );
}
