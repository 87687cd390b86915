// What the player remembers in this browser: volume, sound, quality. Theatre is a page preference.

const KEY = "metropole-player";

export interface Memory {
  volume: number;
  /** Whether the person turned the sound off; null until they chose. */
  muted: boolean | null;
  /** Height of the chosen quality, null for automatic. */
  height: number | null;
  /** Name of the chosen track of sound, null for the first. */
  sound: string | null;
}

export function remembered(): Memory {
  const plain: Memory = { volume: 1, muted: null, height: null, sound: null };
  try {
    return valid({ ...plain, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as object) });
  } catch {
    return plain; // storage is off, or holds something else
  }
}

export function remember(change: Partial<Memory>): void {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...remembered(), ...change }));
  } catch {
    // Private windows may refuse: the choice lasts as long as the page.
  }
}

function valid(memory: Memory): Memory {
  const { volume, muted, height, sound } = memory;
  return {
    volume: Number.isFinite(volume) ? Math.min(1, Math.max(0, volume)) : 1,
    muted: typeof muted === "boolean" ? muted : null,
    height: typeof height === "number" && height > 0 ? height : null,
    sound: typeof sound === "string" ? sound : null,
  };
}
