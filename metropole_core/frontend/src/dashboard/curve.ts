// The curve of the last minute's bitrate, as metropole_core/pages/health_view.py draws it.

const WIDTH = 240;
const HEIGHT = 44;
export const SECONDS = 60;

/** SVG path, newest at the right; empty for fewer than two values. */
export function curve(values: readonly number[]): string {
  if (values.length < 2) return "";
  const top = Math.max(...values) * 1.15 || 1;
  const step = WIDTH / (SECONDS - 1);
  const start = WIDTH - (values.length - 1) * step;
  const points = values.map(
    (value, index) =>
      `${(start + index * step).toFixed(1)} ${(HEIGHT - (value / top) * HEIGHT).toFixed(1)}`,
  );
  return `M${points.join("L")}`;
}

/** SVG path of what lies below a curve, down to the edge. */
export function area(line: string): string {
  return line && `${line}V${HEIGHT}H${line.slice(1, line.indexOf(" "))}Z`;
}

/** A bitrate with its unit: "6.1 Mbit/s". */
export function bitrate(value: number, language: string): string {
  const found = (
    [
      [1e9, "G"],
      [1e6, "M"],
      [1e3, "k"],
    ] as const
  ).find(([factor]) => value >= factor);
  const [factor, prefix] = found ?? [1, ""];
  return `${decimal(value / factor, language)} ${prefix}bit/s`;
}

/** A number with at most one digit behind the point. */
export function decimal(value: number, language: string): string {
  return value.toLocaleString(language, { maximumFractionDigits: 1 });
}
