// What a browser offers to find the way: probes, a clock, and a memory as long as the tab.

import { type Answer, isGateway, type Memory, type Surroundings } from "./way.ts";

const KEY = "metropole-media-blocked";
/** ms for which a media port counts as out of reach; then it is tried again. */
const REMEMBERED = 300_000;
/** The header that tells a full site's port from other reasons for 503; others' is not readable. */
export const FULL = "Metropole-Fallback";

class TabMemory implements Memory {
  knows(origin: string): boolean {
    return (this.read()[origin] ?? 0) > Date.now();
  }

  remember(origin: string): void {
    this.write({ [origin]: Date.now() + REMEMBERED });
  }

  forget(_origin: string): void {
    this.write({});
  }

  private read(): Record<string, number> {
    try {
      return (JSON.parse(sessionStorage.getItem(KEY) ?? "{}") ?? {}) as Record<string, number>;
    } catch {
      return {};
    }
  }

  private write(blocked: Record<string, number>): void {
    try {
      sessionStorage.setItem(KEY, JSON.stringify(blocked));
    } catch {
      // Storage is off: each engine finds out by itself.
    }
  }
}

/** Where browsers keep what pages remember, null when that is switched off. */
export function shelf(): Storage | null {
  try {
    return localStorage;
  } catch {
    return null;
  }
}

/** Mbit/s that the browser thinks the network has; few browsers say. */
export function downlink(): number | undefined {
  return (navigator as Navigator & { connection?: { downlink?: number } }).connection?.downlink;
}

async function probe(url: string, ms: number): Promise<Answer> {
  try {
    const answer = await fetch(url, {
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(ms),
    });
    // Read, so that the connection is free again.
    await answer.text();
    if (answer.ok) return "there";
    if (answer.status === 503 && answer.headers.get(FULL) === "full") return "full";
    return isGateway(answer.status) ? "silent" : "other";
  } catch {
    return "silent";
  }
}

export function surroundings(): Surroundings {
  return {
    probe,
    wait: (ms) => new Promise((resolve) => window.setTimeout(resolve, ms)),
    now: () => performance.now(),
    memory: new TabMemory(),
    secure: location.protocol === "https:",
  };
}
