// The cookie's form: `scheme-light.rail-narrow`. The server reads the same (pages/visitor).

const PART = /^([a-z]+)-([a-z]+)$/;

export function parsePreferences(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const part of text.split(".")) {
    const match = PART.exec(part);
    if (match?.[1] && match[2]) found.set(match[1], match[2]);
  }
  return found;
}

export function writePreferences(values: ReadonlyMap<string, string>): string {
  return [...values].map(([key, value]) => `${key}-${value}`).join(".");
}
