// The menu behind the gear: qualities, and the statistics for those who want them.

import { make } from "../dom.ts";
import { t } from "../words.ts";
import type { Quality } from "./engine.ts";
import { qualityLabel } from "./labels.ts";

export interface MenuChoices {
  qualities: readonly Quality[];
  /** The chosen one, null for automatic. */
  chosen: string | null;
  stats: boolean;
}

export class Menu {
  readonly element: HTMLElement;
  onQuality: (quality: Quality | null) => void = () => {};
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

  show({ qualities, chosen, stats }: MenuChoices): void {
    const item = (label: string, role: string, checked: boolean, act: () => void) => {
      const made = make(
        "button",
        { type: "button", role, "aria-checked": String(checked), tabindex: -1 },
        label,
      );
      made.addEventListener("click", () => {
        act();
        this.close(true);
      });
      return made;
    };
    const radios = [null, ...qualities].map((quality) =>
      item(
        quality === null ? t("Auto") : qualityLabel(quality),
        "menuitemradio",
        chosen === (quality?.id ?? null),
        () => this.onQuality(quality),
      ),
    );
    this.element.replaceChildren(
      make("p", { class: "player-menu-title", role: "presentation" }, t("Quality")),
      ...radios,
      item(t("Statistics"), "menuitemcheckbox", stats, () => this.onStats()),
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
