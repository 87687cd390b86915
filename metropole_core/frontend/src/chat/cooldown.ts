// The wait after a message, counted down on the button.

export class Cooldown {
  private until = 0;
  private timer: number | undefined;
  private readonly show: (seconds: number) => void;

  /** @param show called each second with the whole seconds left, last with 0 */
  constructor(show: (seconds: number) => void) {
    this.show = show;
  }

  start(seconds: number): void {
    this.until = Math.max(this.until, performance.now() + seconds * 1000);
    if (this.timer === undefined) this.tick();
  }

  get running(): boolean {
    return this.timer !== undefined;
  }

  private tick(): void {
    const left = this.until - performance.now();
    this.timer = left <= 0 ? undefined : window.setTimeout(() => this.tick(), left % 1000 || 1000);
    this.show(Math.max(0, Math.ceil(left / 1000)));
  }
}
