// Text and numbers without a page, so that they can be tested anywhere.

export type Values = Record<string, string | number>;

/** Replace `%(name)s` by values, as Python's gettext sentences write it. */
export function fill(sentence: string, values: Values): string {
  return sentence.replace(/%\((\w+)\)s/g, (whole, key: string) => String(values[key] ?? whole));
}

/** Time as a clock that runs on: "0:05:09", "12:00:00". Never negative. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

/** A number as cards show it: "861", "2.4K". */
export function compact(n: number, language: string): string {
  return new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 }).format(
    n,
  );
}

/** Names in a row: "a", "a and b" need words, so the caller gives the joiners of its language. */
export function listed(names: readonly string[], language: string): string {
  return new Intl.ListFormat(language, { type: "conjunction" }).format(names);
}
