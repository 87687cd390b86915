// What the line of this browser carried lately, so that the next page starts with a quality that
// fits: neither a stall nor a minute of mud.

const KEY = "metropole-line";
const FRESH = 3_600_000; // ms; the device may be on another line by then
const CAUTION = 0.7; // of what it carried
const UNKNOWN = 1_500_000; // bit/s to begin with where nothing is known
const LEAST = 150_000;
const MOST = 20_000_000;

export interface Shelf {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/**
 * bit/s to begin with.
 *
 * @param now ms since 1970
 * @param told Mbit/s that the browser thinks the network has, if it says so
 */
export function expected(shelf: Shelf | null, now: number, told?: number): number {
  const carried = remembered(shelf, now);
  if (carried !== null) return bounded(carried * CAUTION);
  return bounded(told ? Math.min(told * 1e6 * CAUTION, 2 * UNKNOWN) : UNKNOWN);
}

/** Note what it carries now. */
export function note(shelf: Shelf | null, now: number, bps: number): void {
  if (!Number.isFinite(bps) || bps <= 0) return;
  try {
    shelf?.setItem(KEY, JSON.stringify({ bps: Math.round(bps), at: now }));
  } catch {
    // Storage is off or full: the next page begins with what is usual.
  }
}

function remembered(shelf: Shelf | null, now: number): number | null {
  try {
    const { bps, at } = JSON.parse(shelf?.getItem(KEY) ?? "") as { bps: unknown; at: unknown };
    if (typeof bps !== "number" || typeof at !== "number" || !(bps > 0)) return null;
    return at <= now && now - at < FRESH ? bps : null;
  } catch {
    return null;
  }
}

function bounded(bps: number): number {
  return Math.max(LEAST, Math.min(MOST, bps));
}
