// Pieces of a page that the server renders again: the grid of cards, the lists of the sidebar.

import { paint } from "./dom.ts";
import { reveal } from "./needs-script.ts";

const SETTLE = 500; // ms; several changes at once are one request
const SPREAD = 500; // ms at random, so that a thousand pages do not ask in one moment

export class Fragments {
  private timer: number | undefined;

  /** Read all pieces of this page again, soon. */
  refresh(): void {
    if (this.timer !== undefined) return;
    this.timer = window.setTimeout(
      () => {
        this.timer = undefined;
        for (const element of document.querySelectorAll<HTMLElement>("[data-fragment]")) {
          void renew(element);
        }
      },
      SETTLE + Math.random() * SPREAD,
    );
  }

  /** Read those pieces again now. */
  renew(selector: string): void {
    for (const element of document.querySelectorAll<HTMLElement>(selector)) void renew(element);
  }
}

/** Read one piece again. */
export async function renew(element: HTMLElement): Promise<void> {
  try {
    const answer = await fetch(element.dataset.fragment ?? "", {
      signal: AbortSignal.timeout(8000),
    });
    if (!answer.ok || !answer.headers.get("Content-Type")?.startsWith("text/html")) return;
    const html = await answer.text();
    const focused = element.contains(document.activeElement)
      ? document.activeElement?.getAttribute("href")
      : null;
    element.innerHTML = html; // our own template, escaped by the server like the page itself
    paint(element);
    reveal(element);
    if (focused) element.querySelector<HTMLElement>(`a[href="${CSS.escape(focused)}"]`)?.focus();
  } catch {
    // The page stays as it was; the next change tries again.
  }
}
