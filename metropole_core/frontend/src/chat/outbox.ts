// What was said and not yet answered. Bounded by the form, which waits for each answer.

export interface Pending {
  nonce: string;
  text: string;
  element: HTMLElement;
}

export class Outbox {
  private readonly pending = new Map<string, Pending>();

  add(pending: Pending): void {
    this.pending.set(pending.nonce, pending);
  }

  take(nonce: string): Pending | undefined {
    const found = this.pending.get(nonce);
    this.pending.delete(nonce);
    return found;
  }

  /** A message of one's own came back before its receipt: it is this one. */
  takeText(text: string): Pending | undefined {
    for (const pending of this.pending.values()) {
      if (pending.text === text) return this.take(pending.nonce);
    }
    return undefined;
  }

  takeAll(): Pending[] {
    const all = [...this.pending.values()];
    this.pending.clear();
    return all;
  }

  get busy(): boolean {
    return this.pending.size > 0;
  }
}

/** A name for one message, so that its answer finds it. */
export function newNonce(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}
