// The input: Enter sends, the text survives a refusal, the button counts down.

import { make } from "../dom.ts";
import { t } from "../words.ts";
import { Cooldown } from "./cooldown.ts";

const LONGEST = 500; // characters, as the server counts them
const WARN_FROM = 100; // show how many are left from here

export class ChatForm {
  /** Called with a text to say; the form waits until `done` or `refused`. */
  onSay: (text: string) => void = () => {};

  private readonly form: HTMLFormElement;
  private readonly input: HTMLTextAreaElement;
  private readonly left: HTMLElement;
  private readonly button: HTMLButtonElement;
  private readonly refusal: HTMLElement;
  private readonly cooldown = new Cooldown((seconds) => this.update(seconds));
  private readonly send: string;
  private connected = false;
  private waiting = false;

  constructor(root: HTMLElement, channelName: string) {
    this.form = root.querySelector<HTMLFormElement>(".chat-form") ?? newForm(root, channelName);
    this.input = this.form.querySelector(".chat-input") as HTMLTextAreaElement;
    this.left = this.form.querySelector(".chat-left") as HTMLElement;
    this.button = this.form.querySelector(".chat-send") as HTMLButtonElement;
    this.refusal = root.querySelector(".chat-refused") as HTMLElement;
    this.send = this.button.textContent ?? "";
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.submit();
      }
    });
    this.input.addEventListener("input", () => this.count());
    this.update(0);
  }

  set shown(shown: boolean) {
    this.form.hidden = !shown;
  }

  set up(up: boolean) {
    this.connected = up;
    this.update(0);
  }

  /** The message was taken; the next one may follow after `wait` seconds. */
  done(wait: number | null): void {
    this.waiting = false;
    this.refusal.hidden = true;
    if (wait !== null && wait > 0) this.cooldown.start(wait);
    else this.update(0);
  }

  /** The message was not taken: give the text back, unless the person is writing another one. */
  refused(text: string, reason: string, wait: number | null): void {
    this.waiting = false;
    if (this.input.value === "") this.input.value = text;
    this.count();
    this.refusal.textContent = reason;
    this.refusal.hidden = false;
    if (wait !== null && wait > 0) this.cooldown.start(wait);
    else this.update(0);
  }

  private submit(): void {
    const text = this.input.value.trim();
    if (text === "" || !this.connected || this.waiting || this.cooldown.running) return;
    this.waiting = true;
    this.input.value = "";
    this.refusal.hidden = true;
    this.count();
    this.update(0);
    this.onSay(text);
  }

  private count(): void {
    const left = LONGEST - [...this.input.value].length;
    this.left.hidden = left > WARN_FROM;
    this.left.textContent = String(left);
  }

  private update(seconds: number): void {
    this.button.textContent = seconds > 0 ? t("%(count)s s", { count: seconds }) : this.send;
    this.button.disabled = seconds > 0 || this.waiting || !this.connected;
  }
}

/** The page was rendered while nobody could write: make the form that it lacks. */
function newForm(root: HTMLElement, name: string): HTMLFormElement {
  const words = t("Message %(name)s's chat", { name });
  const input = make("textarea", {
    class: "chat-input",
    id: "chat-input",
    rows: 1,
    maxlength: LONGEST,
    placeholder: words,
    "aria-label": words,
  });
  const form = make(
    "form",
    { class: "chat-form", hidden: true },
    input,
    make("span", { class: "chat-left num", hidden: true }),
    make("button", { class: "btn chat-send" }, t("Send")),
  );
  root.querySelector(".chat-refused")?.before(form);
  return form;
}
