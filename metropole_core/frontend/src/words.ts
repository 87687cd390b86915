// Words of the visitor's language. Keys are the English sentences; the server sends the others
// with the page. `t` takes literals only: a test collects them for the catalogue.

import { page } from "./page.ts";
import { fill, type Values } from "./text.ts";

/** A sentence in the visitor's language, with `%(name)s` replaced. */
export function t(english: string, values: Values = {}): string {
  return fill(page.words[english] ?? english, values);
}

/** One of two sentences by number; `%(count)s` is the number as the language writes it. */
export function tn(one: string, many: string, count: number, values: Values = {}): string {
  return t(count === 1 ? one : many, { count: count.toLocaleString(page.language), ...values });
}
