// Controls go away when nobody moves while it plays; `data-idle` tells the style sheet.

const AFTER = 3000; // ms

export class Idle {
  private timer: number | undefined;
  private readonly player: HTMLElement;
  private readonly mayHide: () => boolean;

  constructor(player: HTMLElement, mayHide: () => boolean) {
    this.player = player;
    this.mayHide = mayHide;
    for (const name of ["pointermove", "pointerdown", "keydown", "focusin"]) {
      player.addEventListener(name, () => this.wake());
    }
    player.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") this.hide();
    });
    this.wake();
  }

  private wake(): void {
    delete this.player.dataset.idle;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.hide(), AFTER);
  }

  private hide(): void {
    window.clearTimeout(this.timer);
    if (this.mayHide()) this.player.dataset.idle = "";
    else this.timer = window.setTimeout(() => this.hide(), AFTER);
  }
}
