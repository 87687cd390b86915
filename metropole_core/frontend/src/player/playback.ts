// Keeps something playing: chooses a source and an engine, and begins again when one gives up.

import { Backoff } from "../backoff.ts";
import { freshPage, type LiveState, type PageData } from "../page.ts";
import type { EngineModule, PlaybackEngine, PlaybackSource, Trouble } from "./engine.ts";

const FIRST_WAIT = 700; // ms
const LONGEST_WAIT = 8000;
const CODEC_WAIT = 30_000; // a browser learns no codec; but the server may make another quality
const STEADY_AFTER = 10_000; // of playing: then a failure is a new one

export interface PlaybackEvents {
  /** An engine was attached, or there is none any more (null). */
  engine(engine: PlaybackEngine | null): void;
  qualities(): void;
  ended(): void;
  /** Why nothing plays, if that is known, with the engine's word for it; null when all is well. */
  trouble(why: Trouble | null, reason: string): void;
  /** The site says something else than was known: the socket may be slower, or down. */
  state(state: LiveState): void;
}

export class Playback {
  engine: PlaybackEngine | null = null;
  source: PlaybackSource | null = null;

  private readonly video: HTMLVideoElement;
  private readonly channel: string;
  private readonly events: PlaybackEvents;
  private readonly backoff = new Backoff(FIRST_WAIT, LONGEST_WAIT);
  private data: PageData;
  private wanted = false;
  private failures = 0;
  private attachedAt = 0;
  private timer: number | undefined;
  private run = 0;

  constructor(video: HTMLVideoElement, data: PageData, channel: string, events: PlaybackEvents) {
    this.video = video;
    this.data = data;
    this.channel = channel;
    this.events = events;
  }

  /** Play what the page named, or what the site names now. */
  start(fresh: boolean): void {
    this.wanted = true;
    this.failures = 0;
    this.backoff.reset();
    void this.attempt(fresh);
  }

  /** The stream is live again: the same source plays on by itself, a new one is attached. */
  async check(): Promise<void> {
    const data = await freshPage(this.channel);
    if (data === null || !this.wanted) return;
    this.data = data;
    const still = data.sources.some((source) => source.url === this.source?.url);
    // Who comes back with another codec may be seen now.
    const fits = still && this.engine !== null && !this.engine.unseen?.();
    if (!fits && data.sources.length > 0) this.start(false);
  }

  stop(): void {
    this.wanted = false;
    this.release();
  }

  private release(): void {
    this.run++;
    window.clearTimeout(this.timer);
    this.engine?.destroy();
    if (this.engine !== null) this.events.engine(null);
    this.engine = null;
    this.source = null;
  }

  private async attempt(fresh: boolean): Promise<void> {
    this.release();
    const run = this.run;
    if (fresh) {
      const data = await freshPage(this.channel);
      if (run !== this.run) return;
      if (data !== null) {
        this.data = data;
        if (data.channel) this.events.state(data.channel.state);
        if (run !== this.run || !this.wanted) return;
      }
    }
    const found = await this.choose();
    if (run !== this.run || !this.wanted) return;
    if (found === null) {
      this.again();
      return;
    }
    const [source, module] = found;
    const engine = module.create();
    this.engine = engine;
    this.source = source;
    this.attachedAt = performance.now();
    const current = () => run === this.run;
    const reachable = { ...source, fallback_url: here(source.fallback_url) };
    engine.attach(this.video, reachable, {
      qualities: () => {
        if (!current()) return;
        this.events.trouble(null, "");
        this.events.qualities();
      },
      ended: () => current() && this.events.ended(),
      failed: (reason, why) => {
        if (!current()) return;
        this.events.trouble(why ?? null, reason);
        if (performance.now() - this.attachedAt > STEADY_AFTER) {
          this.backoff.reset();
          this.failures = 0;
        }
        this.failures++;
        this.release();
        this.again(why === "codec" ? CODEC_WAIT : 0);
      },
    });
    this.events.engine(engine);
  }

  private again(least = 0): void {
    const run = this.run;
    const wait = Math.max(least, this.backoff.next());
    this.timer = window.setTimeout(() => {
      if (run === this.run && this.wanted) void this.attempt(true);
    }, wait);
  }

  /** The first source that this browser can play; after failures the next ones have their turn. */
  private async choose(): Promise<[PlaybackSource, EngineModule] | null> {
    const playable: [PlaybackSource, EngineModule][] = [];
    for (const source of this.data.sources) {
      const url = this.data.engines[source.engine];
      if (url === undefined) continue;
      try {
        const module = (await import(url)) as EngineModule;
        if (module.canPlay(source, this.video)) playable.push([source, module]);
      } catch {
        // Its file did not load: another engine may, and the next attempt tries again.
      }
    }
    return playable[this.failures % Math.max(1, playable.length)] ?? null;
  }
}

/** An address of the site, on the host that this page came from: whatever name the operator gave
 * it, that one can be reached. */
function here(url: string | null | undefined): string | null {
  if (!url || !URL.canParse(url)) return null;
  const { pathname, search } = new URL(url);
  return new URL(pathname + search, location.href).href;
}
