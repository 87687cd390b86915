// The menu behind the gear: qualities, and the statistics for those who want them.

import { make } from "../dom.ts";
import { page } from "../page.ts";
import { t } from "../words.ts";
import type { Quality, Sound } from "./engine.ts";
import { qualityLabel, rateLabel, soundLabel } from "./labels.ts";

export interface MenuChoices {
  qualities: readonly Quality[];
  /** The chosen one, null for automatic. */
  chosen: string | null;
  /** The one that plays, null before the first. */
  playing: string | null;
  /** Tracks of sound; a choice when there are several. */
  sounds: readonly Sound[];
  sound: string | null;
  stats: boolean;
}

export class Menu {
  readonly element: HTMLElement;
  onQuality: (quality: Quality | null) => void = () => {};
  onSound: (sound: Sound) => void = () => {};
  onStats: () => void = () => {};

  private readonly opener: HTMLButtonElement;

  constructor(opener: HTMLButtonElement) {
    this.opener = opener;
    this.element = make("div", {
      class: "player-menu",
      role: "menu",
      "aria-label": t("Settings"),
      hidden: true,
    });
    this.element.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("pointerdown", (event) => {
      const target = event.target as Node;
      if (!this.element.contains(target) && !this.opener.contains(target)) this.close(false);
    });
  }

  get open(): boolean {
    return !this.element.hidden;
  }

  show({ qualities, chosen, playing, sounds, sound, stats }: MenuChoices): void {
    const item = (label: string, hint: string, role: string, checked: boolean, act: () => void) => {
      const made = make(
        "button",
        { type: "button", role, "aria-checked": String(checked), tabindex: -1 },
        make("span", {}, label),
        ...(hint ? [make("small", { class: "num" }, hint)] : []),
      );
      made.addEventListener("click", () => {
        act();
        this.close(true);
      });
      return made;
    };
    const group = (title: string, items: HTMLElement[]) =>
      make(
        "div",
        { role: "group", "aria-label": title },
        make("p", { class: "player-menu-title", role: "presentation" }, title),
        ...items,
      );
    const radio = "menuitemradio";
    const now = chosen === null ? qualities.find((quality) => quality.id === playing) : undefined;
    this.element.replaceChildren(
      group(t("Quality"), [
        item(t("Auto"), now ? qualityLabel(now) : "", radio, chosen === null, () =>
          this.onQuality(null),
        ),
        ...qualities.map((quality) =>
          item(
            choiceLabel(quality),
            rateLabel(quality.bitrate, page.language),
            radio,
            chosen === quality.id,
            () => this.onQuality(quality),
          ),
        ),
      ]),
      ...(sounds.length > 1
        ? [
            group(
              t("Sound"),
              sounds.map((each) =>
                item(soundLabel(each, page.language), "", radio, each.id === sound, () =>
                  this.onSound(each),
                ),
              ),
            ),
          ]
        : []),
      item(t("Statistics"), "", "menuitemcheckbox", stats, () => this.onStats()),
    );
    this.element.hidden = false;
    this.opener.setAttribute("aria-expanded", "true");
    this.items.find((one) => one.getAttribute("aria-checked") === "true")?.focus();
  }

  close(back: boolean): void {
    if (!this.open) return;
    this.element.hidden = true;
    this.opener.setAttribute("aria-expanded", "false");
    if (back) this.opener.focus();
  }

  private get items(): HTMLElement[] {
    return [...this.element.querySelectorAll<HTMLElement>("button")];
  }

  private key(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      const items = this.items;
      const at = items.indexOf(document.activeElement as HTMLElement);
      items[(at + step + items.length) % items.length]?.focus();
    } else if (event.key === "Escape" || event.key === "Tab") {
      this.close(true);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}

/** Which one is what the creator sends, stands beside its name. */
function choiceLabel(quality: Quality): string {
  const label = qualityLabel(quality);
  return quality.source ? t("%(quality)s (source)", { quality: label }) : label;
}
