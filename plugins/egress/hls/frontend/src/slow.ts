// Notices at once that a line has become slow.
//
// hls.js weighs what it measured by how long each transfer took, and before the line became slow
// all of them were short: its estimate needs seconds to fall, longer than there is in reserve close
// to live. One part that arrives more slowly than it plays says enough.

import { Events, type FragLoadingData, type default as Hls } from "hls.js/light";

const EVERY = 50; // ms
/** A transfer that took so much of what it plays for was the line's, and no hiccup of a server. */
const LONG = 0.7;
/** Of what was measured: the new quality begins with its last key frame, and has to catch up. */
const CAUTION = 0.6;

/** ms for which the correction holds: small parts of a low quality seem quick on every line. */
const HOLD = 3000;

export interface Transfer {
  /** Octets so far. */
  loaded: number;
  /** ms since the first of them came. */
  ms: number;
  /** s that it plays for. */
  seconds: number;
}

/**
 * What to believe that the line carries, bit/s; null when nothing speaks against what is believed.
 *
 * @param believed bit/s
 * @param needed bit/s of the quality that is being fetched
 */
export function corrected(transfer: Transfer, believed: number, needed: number): number | null {
  const { loaded, ms, seconds } = transfer;
  if (loaded <= 0 || ms < LONG * seconds * 1000) return null;
  const carried = (loaded * 8000) / ms;
  if (carried >= needed || carried * CAUTION >= believed) return null;
  return carried * CAUTION;
}

/** Looks at each transfer of an hls.js while it is under way, and has it change over if need be. */
export class SlowLine {
  private readonly hls: Hls;
  private readonly timer: number;
  private current: FragLoadingData | null = null;
  private held: { bps: number; until: number } | null = null;

  constructor(hls: Hls) {
    this.hls = hls;
    this.timer = window.setInterval(() => this.look(), EVERY);
    hls.on(Events.FRAG_LOADING, (_, loading) => {
      this.current = loading.frag.type === "main" ? loading : null;
    });
    hls.on(Events.FRAG_LOADED, () => this.look());
    // After hls.js itself has counted it.
    hls.on(Events.FRAG_BUFFERED, () => this.hold());
  }

  destroy(): void {
    window.clearInterval(this.timer);
  }

  private hold(): void {
    const { hls, held } = this;
    if (held === null) return;
    if (performance.now() > held.until) this.held = null;
    else if (hls.bandwidthEstimate > held.bps) hls.bandwidthEstimate = held.bps;
  }

  private look(): void {
    const { hls, current } = this;
    if (!current || !hls.autoLevelEnabled || hls.levels.length < 2) return;
    const { frag, part } = current;
    const { stats, duration: seconds } = part ?? frag;
    const { first, end } = stats.loading;
    if (end > 0 || stats.aborted) this.current = null;
    if (!first || stats.aborted) return;
    const ms = (end || performance.now()) - first;
    const needed = hls.levels[frag.level]?.maxBitrate ?? 0;
    const bps = corrected({ loaded: stats.loaded, ms, seconds }, hls.bandwidthEstimate, needed);
    if (bps === null) return;
    this.current = null;
    hls.bandwidthEstimate = bps;
    this.held = { bps, until: performance.now() + HOLD };
    const next = hls.nextAutoLevel;
    if (next >= frag.level) return;
    // hls.js changes over between segments only, and that is too late: it does so at once when
    // what it loads is given up, as it gives up itself when a part will not come in time.
    frag.abortRequests();
    hls.nextLoadLevel = next;
    hls.trigger(Events.FRAG_LOAD_EMERGENCY_ABORTED, { frag, part: part ?? null, stats });
  }
}
