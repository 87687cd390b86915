// The log: newest at the bottom, at most 200 elements, and it stays where the reader is.

import { page } from "../page.ts";
import { tn } from "../words.ts";

const MOST = 200;
const NEAR = 60; // px from the bottom that still count as "at the bottom"

export class MessageList {
  private readonly log: HTMLElement;
  private readonly list: HTMLElement;
  private readonly more: HTMLButtonElement;
  private waiting: HTMLElement[] = [];
  private frame = false;
  private sticky = true;
  private unread = 0;

  constructor(log: HTMLElement, list: HTMLElement, more: HTMLButtonElement) {
    this.log = log;
    this.list = list;
    this.more = more;
    log.addEventListener("scroll", () => this.scrolled(), { passive: true });
    more.addEventListener("click", () => this.toBottom());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.flush();
    });
    // The log shrinks when the form grows or the window turns: stay at the newest.
    new ResizeObserver(() => {
      if (this.sticky) this.scroll();
    }).observe(log);
    this.scroll();
  }

  /** Show an element at the end, in the next frame, together with others that come till then. */
  append(element: HTMLElement): void {
    this.waiting.push(element);
    if (this.waiting.length > MOST) this.waiting.splice(0, this.waiting.length - MOST);
    if (this.frame || document.hidden) return;
    this.frame = true;
    requestAnimationFrame(() => {
      this.frame = false;
      this.flush();
    });
  }

  /** The element of a message, shown or about to be. */
  find(id: string): HTMLElement | undefined {
    return (
      this.waiting.find((element) => element.dataset.id === id) ??
      this.list.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"]`) ??
      undefined
    );
  }

  /** The last element, shown or about to be. */
  get last(): Element | null {
    return this.waiting.at(-1) ?? this.list.lastElementChild;
  }

  toBottom(): void {
    this.sticky = true;
    this.flush();
    this.scroll();
    this.setUnread(0);
  }

  flush(): void {
    if (this.waiting.length === 0) return;
    const fresh = this.waiting;
    this.waiting = [];
    this.list.append(...fresh);
    this.trim();
    if (this.sticky) this.scroll();
    else this.setUnread(this.unread + fresh.filter((e) => !e.matches(".event, [data-me]")).length);
  }

  private trim(): void {
    const before = this.log.scrollHeight;
    let removed = false;
    while (this.list.childElementCount > MOST) {
      this.list.firstElementChild?.remove();
      removed = true;
    }
    // What the reader looks at must not move when older lines above it go.
    if (removed && !this.sticky) this.log.scrollTop -= before - this.log.scrollHeight;
  }

  private scrolled(): void {
    const below = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight;
    this.sticky = below < NEAR;
    if (this.sticky) this.setUnread(0);
  }

  private scroll(): void {
    this.log.scrollTop = this.log.scrollHeight;
  }

  private setUnread(count: number): void {
    this.unread = Math.min(count, MOST);
    this.more.hidden = this.unread === 0;
    if (this.more.hidden) return;
    const many = count > MOST ? `${MOST.toLocaleString(page.language)}+` : undefined;
    const text = tn("%(count)s new message", "%(count)s new messages", this.unread, {
      ...(many !== undefined && { count: many }),
    });
    const words = this.more.querySelector("span") ?? document.createElement("span");
    words.textContent = text;
    this.more.append(words);
  }
}
