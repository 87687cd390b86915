// What the server tells the scripts of a page: who looks, at which channel, how to play it, and
// the words of the visitor's language.

import type { PlaybackSource } from "./player/engine.ts";

export type LiveState = "offline" | "connecting" | "live" | "interrupted";

export interface PageChannel {
  id: number;
  name: string;
  display_name: string;
  title: string;
  category: string;
  state: LiveState;
  started_at: string | null;
  viewers: number;
  owner: boolean;
  chat_enabled: boolean;
  poster: string | null;
}

export interface PageData {
  v: number;
  csrf: string;
  language: string;
  user: { id: number; name: string; display_name: string } | null;
  channel: PageChannel | null;
  sources: PlaybackSource[];
  engines: Record<string, string>;
  ws: string;
  words: Record<string, string>;
}

const NOTHING: PageData = {
  v: 1,
  csrf: "",
  language: "en",
  user: null,
  channel: null,
  sources: [],
  engines: {},
  ws: "/ws",
  words: {},
};

/** The page's data; the plainest page when there is none, so that scripts need no second path. */
export const page: PageData = read();

function read(): PageData {
  const text = document.getElementById("page-data")?.textContent;
  try {
    return text ? { ...NOTHING, ...(JSON.parse(text) as Partial<PageData>) } : NOTHING;
  } catch {
    return NOTHING;
  }
}

/** The same data as the server would render it now, or null when it cannot be had. */
export async function freshPage(channel: string): Promise<PageData | null> {
  try {
    const answer = await fetch(`/${encodeURIComponent(channel)}?fragment=page-data`, {
      headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(8000),
    });
    return answer.ok ? { ...NOTHING, ...((await answer.json()) as Partial<PageData>) } : null;
  } catch {
    return null;
  }
}
