// Joins and leaves, gathered so that a raid is one line and not a thousand.

import type { Person } from "../protocol.ts";

const KNOWN = 2000; // names kept to say who left
const NAMED = 3; // names in a line; the rest is a number

export interface Gathering {
  names: string[];
  others: number;
}

export class Presence {
  private readonly names = new Map<string, string>();
  private joined = new Map<string, string>();
  private left = new Map<string, string>();

  join(people: readonly Person[]): void {
    for (const { key, name } of people) {
      this.know(key, name);
      // Someone who reloads the page neither left nor came.
      if (!this.left.delete(key)) this.joined.set(key, name);
    }
  }

  /** People who were here before this page came: known by name, but no news. */
  meet(people: readonly Person[]): void {
    for (const { key, name } of people) this.know(key, name);
  }

  leave(keys: readonly string[]): void {
    for (const key of keys) {
      const name = this.names.get(key);
      this.names.delete(key);
      if (!this.joined.delete(key) && name !== undefined) this.left.set(key, name);
    }
  }

  /** What gathered since the last time. */
  take(): { joined: Gathering; left: Gathering } {
    const result = { joined: gather(this.joined), left: gather(this.left) };
    this.joined = new Map();
    this.left = new Map();
    return result;
  }

  get empty(): boolean {
    return this.joined.size === 0 && this.left.size === 0;
  }

  private know(key: string, name: string): void {
    this.names.set(key, name);
    if (this.names.size > KNOWN) {
      const oldest = this.names.keys().next().value;
      if (oldest !== undefined) this.names.delete(oldest);
    }
  }
}

function gather(people: ReadonlyMap<string, string>): Gathering {
  const names = [...people.values()];
  const shown = names.slice(0, names.length <= NAMED ? NAMED : NAMED - 1);
  return { names: shown, others: names.length - shown.length };
}
