// Which messages were seen: none is shown twice, and none is forgotten when the line drops.

const KEPT = 1000;

export class Ledger {
  private readonly seen = new Set<string>();

  /** Note a message; false when it was there already. */
  add(id: string): boolean {
    if (this.seen.has(id)) return false;
    this.seen.add(id);
    if (this.seen.size > KEPT) {
      const oldest = this.seen.values().next().value;
      if (oldest !== undefined) this.seen.delete(oldest);
    }
    return true;
  }

  get size(): number {
    return this.seen.size;
  }
}
