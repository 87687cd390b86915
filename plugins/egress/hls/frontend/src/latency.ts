// Keeps the picture close to live by small changes of speed, without a clock or player of its own.
//
// hls.js alone cannot: it changes the speed only while more than a second is buffered, so about
// 1.1 s is its floor whatever the server allows.

/** How far behind the edge the picture is held where the server names no distance, in seconds. */
const TARGET = 0.8;
/** Stalls make the distance grow, quiet minutes make it shrink again. */
const STEP = 0.3;
const MOST = 3;
const STALLS = 2;
const STALLS_WITHIN = 30_000;
const QUIET = 120_000;
/** A longer stall was not the network's jitter: the creator was away, the machine slept. */
const LONGEST_STALL = 3000;

/** A playlist that stood still this long, s: the creator is away, or the line was cut. No distance
 * that one would like to watch at bridges that, so what stalls around it counts for nothing. */
const AWAY = 2;
const SETTLE = 5000; // ms after a start, a jump or a return in which stalls are part of it
const REFILL = 0.4; // s of buffer to have before going on after a return, for one stop and not five
const REFILL_WITHIN = 2000; // ms

const TOLERANCE = 0.04; // s around the target where the speed stays at 1
const FASTEST = 0.08; // nobody hears 8 %
const SLOWEST = 0.06;
const LEAST = 0.02;
const GAIN = 0.3;
const ENOUGH = 0.12; // s of buffer below which it never speeds up
const SCARCE = 0.08; // s of buffer below which it slows down rather than stall
const JUMP = 3; // s too far behind: catching up would take a minute
const JUMP_PAUSE = 3000; // ms between jumps, so that one has time to take effect
const STUCK = 150; // ms without progress though enough is buffered
const STUCK_PAUSE = 1000;

export interface View {
  /** ms, of any steady clock */
  now: number;
  /** Newest media time of the playlist, s. */
  edge: number;
  /** Seconds since the playlist last grew. */
  age: number;
  /** Duration of a part, s. */
  part: number;
  /** Media time of the picture, s. */
  position: number;
  /** End of what is buffered around the position, s. */
  bufferedEnd: number;
}

export type Action =
  | { do: "rate"; rate: number }
  | { do: "seek"; to: number; why: "stuck" | "behind" };

export interface Aim {
  /** How far behind the edge to hold the picture, s; 0: wherever this player likes it. */
  behind: number;
  /** Whether the speed is changed for that. Music is to be heard as it was played. */
  steady: boolean;
}

export class LatencyControl {
  target: number;
  /** How often the picture stood still for the network's sake. */
  stalls = 0;

  private readonly base: number;
  private readonly steady: boolean;
  private recent: number[] = [];
  private changed = 0;
  private lastPosition = -1;
  private movedAt = 0;
  private jumpedAt = Number.NEGATIVE_INFINITY;
  private since: number | null = null;
  private unsettledAt: number | null = null;
  private away = false;
  private backAt = 0;

  constructor({ behind, steady }: Aim = { behind: TARGET, steady: false }) {
    this.base = behind || TARGET;
    this.target = this.base;
    this.steady = steady;
  }

  /** Seconds behind the newest media that could be on screen now. */
  behind(view: View): number {
    return edgeNow(view) - view.position;
  }

  /** What to do now; call it about ten times a second while it plays. */
  step(view: View): Action {
    this.unsettledAt ??= view.now;
    this.relax(view.now);
    const edge = edgeNow(view);
    const late = edge - view.position - this.target;
    const buffer = view.bufferedEnd - view.position;
    if (this.refills(view, buffer)) return { do: "rate", rate: 0 };
    if (view.position !== this.lastPosition) {
      this.lastPosition = view.position;
      this.movedAt = view.now;
    } else if (view.now - this.movedAt > STUCK && buffer > Math.min(0.4, this.target * 0.6)) {
      // Chromium waits ever longer after each underflow, seconds in the end, though it has data;
      // a tiny seek resets that.
      this.movedAt = view.now + STUCK_PAUSE;
      const latest = this.steady ? 0 : Math.min(view.bufferedEnd - 0.3, edge - this.target);
      return { do: "seek", to: Math.max(view.position + 0.001, latest), why: "stuck" };
    }
    if (late > JUMP) {
      if (view.now - this.jumpedAt <= JUMP_PAUSE) return { do: "rate", rate: 1 };
      this.jumpedAt = view.now;
      this.unsettledAt = view.now;
      return { do: "seek", to: edge - this.target, why: "behind" };
    }
    let rate = 1;
    if (this.steady) return { do: "rate", rate };
    if (late > TOLERANCE && buffer > ENOUGH) {
      rate += Math.min(FASTEST, Math.max(LEAST, late * GAIN));
    } else if (late < -TOLERANCE || buffer < SCARCE) {
      rate -= Math.min(SLOWEST, Math.max(LEAST, -late * GAIN));
    }
    return { do: "rate", rate: Math.round(rate * 100) / 100 };
  }

  /** The picture came to a stand. */
  stallBegan(now: number): void {
    this.since ??= now;
  }

  /** It moves again. */
  stallEnded(now: number): void {
    const began = this.since;
    this.since = null;
    if (began === null || now - began > LONGEST_STALL) return;
    if (this.unsettledAt === null || now - this.unsettledAt < SETTLE) return;
    this.stalls++;
    this.changed = now;
    this.recent = [...this.recent.filter((at) => now - at < STALLS_WITHIN), now];
    if (this.recent.length < STALLS) return;
    this.recent = [];
    this.target = Math.max(this.base, Math.min(MOST, this.target + STEP));
  }

  /** The creator is back: hold the picture until there is enough to go on without another stop. */
  private refills(view: View, buffer: number): boolean {
    if (view.age > AWAY) {
      this.away = true;
      this.unsettledAt = this.backAt = view.now;
      return false;
    }
    this.away &&= buffer < REFILL && view.now - this.backAt < REFILL_WITHIN;
    return this.away;
  }

  private relax(now: number): void {
    if (this.target <= this.base || now - this.changed < QUIET) return;
    this.changed = now;
    this.target = Math.max(this.base, this.target - STEP);
  }
}

/** The edge moves on between two parts; a playlist that stands still does not move it for long. */
function edgeNow(view: View): number {
  return view.edge + Math.min(view.age, 3 * view.part);
}

/** End of the buffered range that holds a position; the position itself when none does. */
export function bufferedEnd(ranges: TimeRanges, position: number): number {
  let end = position;
  for (let i = 0; i < ranges.length; i++) {
    if (ranges.start(i) <= position + 0.1) end = Math.max(end, ranges.end(i));
  }
  return end;
}
