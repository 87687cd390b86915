// What to do about fatal errors of hls.js, as a rule without a player.

export type Trouble = "network" | "media" | "other";
export type Remedy = "reload" | "recover" | "give up";

const NETWORK_TRIES = 4;
const MEDIA_TRIES = 2;
const WITHIN = 30_000; // ms; older trouble is forgotten

/** Counts trouble and names the remedy; the player takes over when remedies do not help. */
export class Recovery {
  private readonly troubles: { what: Trouble; at: number }[] = [];

  /**
   * @param gone the server says that the stream does not exist
   * @param now ms
   */
  remedy(what: Trouble, gone: boolean, now: number): { remedy: Remedy; wait: number } {
    while (this.troubles[0] && now - this.troubles[0].at > WITHIN) this.troubles.shift();
    this.troubles.push({ what, at: now });
    const times = this.troubles.filter((trouble) => trouble.what === what).length;
    if (gone || what === "other") return { remedy: "give up", wait: 0 };
    if (what === "media") return { remedy: times > MEDIA_TRIES ? "give up" : "recover", wait: 0 };
    if (times > NETWORK_TRIES) return { remedy: "give up", wait: 0 };
    return { remedy: "reload", wait: 250 * 2 ** times };
  }
}
