// <metropole-health>: keeps the figures of the stream's health fresh, every second. Words come
// from the server: when its version has grown, the piece of the page is read again.

import { renew } from "../fragments.ts";
import { page } from "../page.ts";
import type { FromServer } from "../protocol.ts";
import type { Connection } from "../socket.ts";
import { area, bitrate, curve, decimal, SECONDS } from "./curve.ts";

type Health = FromServer["health"];

const AGAIN = 10_000; // ms after which sentences are read again, since their figures grow

export class HealthElement extends HTMLElement {
  private static connection: Connection;
  private asking = false;
  private askedAt = 0;
  private heard = false;
  private bitrates: number[] = [];

  static define(connection: Connection): void {
    HealthElement.connection = connection;
    customElements.define("metropole-health", HealthElement);
  }

  connectedCallback(): void {
    if (this.heard) return;
    this.heard = true;
    this.askedAt = Date.now();
    HealthElement.connection.on("health", (health) => {
      if (health.channel === this.dataset.channel) this.show(health);
    });
  }

  private show(health: Health): void {
    const body = this.querySelector<HTMLElement>(".health");
    const shown = body === null ? "none" : body.dataset.level;
    const stale = health.findings.length > 0 && Date.now() - this.askedAt > AGAIN;
    if (
      shown !== health.level ||
      (body !== null && (body.dataset.version !== String(health.version) || stale))
    ) {
      void this.readAgain();
    }
    if (body === null) return;
    if (this.bitrates.length === 0) {
      this.bitrates = (body.dataset.bitrates ?? "").split(" ").filter(Boolean).map(Number);
    }
    this.bitrates = [...this.bitrates, health.bitrate].slice(-SECONDS);
    this.fill("bitrate", bitrate(health.bitrate, page.language));
    this.fill("fps", health.fps === null ? "–" : decimal(health.fps, page.language));
    const interval = health.key_interval;
    this.fill("key_interval", interval === null ? "–" : decimal(interval, page.language));
    this.fill("dropped", health.dropped.toLocaleString(page.language));
    this.fill("frames", health.frames.toLocaleString(page.language));
    this.fill("late", decimal(health.late, page.language));
    const line = curve(this.bitrates);
    this.querySelector(".health-curve .line")?.setAttribute("d", line);
    this.querySelector(".health-curve .area")?.setAttribute("d", area(line));
  }

  private fill(field: string, text: string): void {
    const element = this.querySelector(`[data-health="${field}"]`);
    if (element !== null && element.textContent !== text) element.textContent = text;
  }

  private async readAgain(): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    this.askedAt = Date.now();
    await renew(this);
    this.asking = false;
  }
}
