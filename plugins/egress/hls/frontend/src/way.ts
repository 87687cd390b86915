// The way a stream is fetched: from the media port, or through the site's own port when that one
// cannot be reached. As a rule without a player or a network of its own.
//
// A blocked port gives no error, only silence, and silence is also what a slow line sounds like.
// So nothing is decided by a clock alone: the site, which brought this page, is asked for the same
// playlist, and the media port gets many times as long as that took. There is one turn in the life
// of an engine, from the media port to the site, never back; the next engine begins anew.

/** What an address answered: the stream, that it is full, something else, or nothing. */
export type Answer = "there" | "full" | "other" | "silent";
/** Go on as it is, go through the site from now on, or there is no room for that. */
export type Verdict = "stay" | "turn" | "full";

/** ms that the media port has before anything is done about it. */
export const HEAD_START = 1000;
/** ms that it has in all, at least. */
const PATIENCE = 2000;
/** Nobody is sent away for slowness before that. */
const LONG_PATIENCE = 6000;
/** It may take so many times as long as the site: it needs a new connection, the site does not. */
const TIMES = 8;
const MOST = 10_000; // ms
const PROBE = 1500; // ms for the media port to answer when it was heard of before
const SITE = 3000; // ms for the site to answer
const CHECK_EVERY = 2000; // ms

export interface Surroundings {
  /** Asks an address, for at most so many ms. */
  probe(url: string, ms: number): Promise<Answer>;
  wait(ms: number): Promise<void>;
  /** ms */
  now(): number;
  memory: Memory;
  /** Whether the page came over TLS. */
  secure: boolean;
}

/** Which hosts could not be reached lately. */
export interface Memory {
  knows(origin: string): boolean;
  remember(origin: string): void;
  forget(origin: string): void;
}

export class Way {
  bySite: boolean;

  private readonly media: string;
  private readonly site: string | null;
  private readonly around: Surroundings;
  private checking = false;
  private checkedAt = Number.NEGATIVE_INFINITY;

  constructor(media: string, site: string | null | undefined, around: Surroundings) {
    this.media = media;
    this.site = site && site !== media ? site : null;
    this.bySite = site === media; // the operator has no other port
    this.around = around;
  }

  /** The multivariant playlist. */
  get url(): string {
    return this.bySite && this.site !== null ? this.site : this.media;
  }

  /** The address under which something of this stream is fetched now. */
  map(url: string): string {
    if (!this.bySite || this.site === null) return url;
    const base = folder(this.media);
    return url.startsWith(base) ? folder(this.site) + url.slice(base.length) : url;
  }

  /** Before anything is loaded. Waits for nothing when nothing speaks against the media port. */
  async first(): Promise<Verdict> {
    const { site, around } = this;
    if (site === null) return "stay";
    const never = mixed(this.media, around.secure);
    if (!never && !around.memory.knows(origin(this.media))) return "stay";
    const answer = await around.probe(site, SITE);
    if (answer === "there") return this.turn();
    // Full, or not there either: perhaps the media port is back.
    if (!never && (answer !== "full" || (await this.mediaAnswers(PROBE)))) {
      around.memory.forget(origin(this.media));
      return "stay";
    }
    return answer === "full" ? "full" : "stay";
  }

  /** While the first playlist is on its way from the media port. */
  async race(loaded: () => boolean): Promise<Verdict> {
    const { site, around } = this;
    if (site === null || this.bySite) return "stay";
    await around.wait(HEAD_START);
    if (loaded() || this.bySite) return "stay";
    const asked = around.now();
    const answer = await around.probe(site, SITE);
    const took = around.now() - asked;
    if (answer !== "there" && answer !== "full") return "stay";
    const patience = answer === "full" ? LONG_PATIENCE : PATIENCE;
    await around.wait(Math.max(0, Math.min(MOST, Math.max(patience - HEAD_START, took * TIMES))));
    return loaded() ? "stay" : this.turnIf(answer);
  }

  /** After a request got no answer: is it the media port, or everything, or only that once? */
  async check(): Promise<Verdict> {
    const { site, around } = this;
    const began = around.now();
    if (site === null || this.bySite || this.checking) return "stay";
    if (began - this.checkedAt < CHECK_EVERY) return "stay";
    this.checking = true;
    try {
      // In this order: a server that restarts opens the media port before it answers as the site.
      const answer = await around.probe(site, SITE);
      if (answer !== "there" && answer !== "full") return "stay";
      const patience = Math.min(MOST, Math.max(PROBE, (around.now() - began) * TIMES));
      return (await this.mediaAnswers(patience)) ? "stay" : this.turnIf(answer);
    } finally {
      this.checking = false;
      this.checkedAt = around.now();
    }
  }

  /** The site did not help either: the next engine tries the media port. */
  failed(): void {
    if (this.bySite) this.around.memory.forget(origin(this.media));
  }

  private async mediaAnswers(ms: number): Promise<boolean> {
    return (await this.around.probe(this.media, ms)) !== "silent";
  }

  private turnIf(answer: Answer): Verdict {
    if (this.bySite) return "stay";
    if (answer === "there") return this.turn();
    this.around.memory.remember(origin(this.media));
    return "full";
  }

  private turn(): Verdict {
    this.bySite = true;
    this.around.memory.remember(origin(this.media));
    return "turn";
  }
}

/** Whether a status is that of somebody between us and the media port who cannot reach it. */
export function isGateway(status: number): boolean {
  return status === 502 || status === 504 || (status >= 520 && status <= 530);
}

/** A page over TLS may fetch nothing without it, except from this machine. */
function mixed(url: string, secure: boolean): boolean {
  const { protocol, hostname } = new URL(url);
  if (!secure || protocol !== "http:") return false;
  return !/^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

function origin(url: string): string {
  return new URL(url).origin;
}

function folder(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname.slice(0, pathname.lastIndexOf("/") + 1);
}
