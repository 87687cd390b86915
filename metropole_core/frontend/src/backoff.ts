// How long to wait before trying again.

/**
 * Waits that double, each drawn from the upper half of its span, so that many browsers that lost
 * the same server do not come back in one moment.
 */
export class Backoff {
  private tries = 0;
  private readonly first: number;
  private readonly most: number;
  private readonly random: () => number;

  /** @param first, most milliseconds */
  constructor(first: number, most: number, random: () => number = Math.random) {
    this.first = first;
    this.most = most;
    this.random = random;
  }

  /** Milliseconds to wait now; the next wait will be longer. */
  next(): number {
    const span = Math.min(this.most, this.first * 2 ** this.tries);
    this.tries = Math.min(this.tries + 1, 30);
    return span * (0.5 + this.random() / 2);
  }

  /** It worked: start again from the first wait. */
  reset(): void {
    this.tries = 0;
  }

  get attempts(): number {
    return this.tries;
  }
}
