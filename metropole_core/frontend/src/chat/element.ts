// <metropole-chat>: takes over the log and the input that the server rendered.

import { icon, make } from "../dom.ts";
import { page } from "../page.ts";
import type { ChatMessage, ChatSettings, FromServer, You } from "../protocol.ts";
import type { Connection } from "../socket.ts";
import { listed } from "../text.ts";
import { toast } from "../toast.ts";
import { t, tn } from "../words.ts";
import { ChatForm } from "./form.ts";
import { Ledger } from "./ledger.ts";
import { MessageList } from "./list.ts";
import { eventElement, messageElement, textElement } from "./message.ts";
import { newNonce, Outbox, type Pending } from "./outbox.ts";
import { type Gathering, Presence } from "./presence.ts";

const GATHER = 4000; // ms between lines about who came and went
const LOST_AFTER = 2000; // ms without connection before the person is told

export class ChatElement extends HTMLElement {
  private static connection: Connection;
  private list!: MessageList;
  private form!: ChatForm;
  private why!: HTMLElement;
  private whyFirst: Node[] = [];
  private you: You | null = null;
  private readonly ledger = new Ledger();
  private readonly outbox = new Outbox();
  private readonly presence = new Presence();
  private gathering: number | undefined;
  private lost: number | undefined;
  private started = false;
  private enabled = true;

  static define(connection: Connection): void {
    ChatElement.connection = connection;
    customElements.define("metropole-chat", ChatElement);
  }

  connectedCallback(): void {
    if (this.started) return;
    this.started = true;
    const part = <E extends HTMLElement>(selector: string) => this.querySelector(selector) as E;
    this.list = new MessageList(part(".chat-log"), part(".chat-list"), part(".chat-more"));
    this.why = part(".chat-why");
    this.whyFirst = [...this.why.childNodes];
    this.form = new ChatForm(this, page.channel?.display_name ?? "");
    this.form.onSay = (text) => this.say(text);
    this.enabled = this.dataset.enabled !== "false";
    this.form.shown = page.user !== null && this.enabled;
    this.adopt();
    this.listen(ChatElement.connection);
  }

  /** Messages that the server rendered: know them, and make their links work. */
  private adopt(): void {
    for (const element of this.querySelectorAll<HTMLElement>(".msg[data-id]")) {
      const id = element.dataset.id ?? "";
      this.ledger.add(id);
      ChatElement.connection.lastMessage = id;
      const text = element.querySelector(".msg-text");
      text?.replaceWith(textElement(text.textContent ?? ""));
    }
  }

  private listen(connection: Connection): void {
    connection.onUp((up) => this.connectionChanged(up));
    connection.on("welcome", (frame) => this.welcome(frame));
    connection.on("msg", (message) => this.show(message));
    connection.on("accepted", (frame) => this.accepted(frame));
    connection.on("refused", (frame) => this.refused(frame));
    connection.on("chat", (chat) => this.settings(chat));
    connection.on("deleted", ({ ids }) => this.deleted(ids));
    connection.on("join", ({ people, n }) => {
      // The room is told of everyone, so of this person as well.
      this.presence.join(people.filter(({ key }) => key !== this.you?.key));
      this.people(n);
    });
    connection.on("leave", ({ keys, n }) => {
      this.presence.leave(keys);
      this.people(n);
    });
  }

  private connectionChanged(up: boolean): void {
    this.form.up = up;
    window.clearTimeout(this.lost);
    if (up) return;
    this.lost = window.setTimeout(() => {
      this.explain(t("The connection to the chat was lost. Reconnecting…"));
    }, LOST_AFTER);
  }

  private welcome(frame: FromServer["welcome"]): void {
    this.you = frame.you;
    this.presence.meet(frame.here);
    this.deleted(frame.deleted);
    for (const message of frame.history) this.show(message);
    // What was on its way when the line broke and did not arrive goes back to the input.
    for (const pending of this.outbox.takeAll()) {
      this.giveBack(
        pending,
        t("This message was not sent, because the connection was lost."),
        null,
      );
    }
    if (frame.chat) this.settings(frame.chat, frame.why);
    this.setCount(frame.people);
    if (!this.moderates) return;
    for (const shown of this.querySelectorAll<HTMLElement>(".msg[data-id]")) this.deletable(shown);
  }

  private get moderates(): boolean {
    return this.you?.role === "owner" || this.you?.role === "moderator";
  }

  private show(message: ChatMessage): void {
    if (!this.ledger.add(message.id)) return;
    ChatElement.connection.lastMessage = message.id;
    const element = messageElement(message, this.you);
    if (this.moderates) this.deletable(element);
    const own = message.key === this.you?.key ? this.outbox.takeText(message.text) : undefined;
    if (own) {
      this.list.flush();
      own.element.replaceWith(element);
      this.form.done(null); // the receipt is still to come, with the time to wait
    } else {
      this.list.append(element);
    }
  }

  private say(text: string): void {
    const you = this.you;
    const nonce = newNonce();
    const element = you
      ? messageElement({ ...you, id: "", text, at: new Date().toISOString() }, you)
      : eventElement(text);
    element.removeAttribute("data-id");
    element.dataset.state = "sending";
    const pending: Pending = { nonce, text, element };
    this.outbox.add(pending);
    this.list.append(element);
    this.list.toBottom();
    if (!ChatElement.connection.send({ t: "say", text, nonce })) {
      this.outbox.take(nonce);
      this.giveBack(pending, t("There is no connection to the chat at the moment."), null);
    }
  }

  private accepted({ nonce, id, wait }: FromServer["accepted"]): void {
    const pending = this.outbox.take(nonce);
    this.form.done(wait);
    if (!pending) return;
    if (!this.ledger.add(id)) {
      pending.element.remove();
      return;
    }
    ChatElement.connection.lastMessage = id;
    pending.element.dataset.id = id;
    delete pending.element.dataset.state;
    if (this.moderates) this.deletable(pending.element);
  }

  private refused({ nonce, reason, retry_after }: FromServer["refused"]): void {
    const pending = this.outbox.take(nonce);
    if (pending) this.giveBack(pending, reason, retry_after);
    else toast(reason, "bad"); // a deletion
  }

  private giveBack(pending: Pending, reason: string, wait: number | null): void {
    this.list.flush();
    pending.element.remove();
    this.form.refused(pending.text, reason, wait);
  }

  private settings(chat: ChatSettings, why?: string | null): void {
    this.enabled = chat.enabled;
    this.dataset.enabled = String(chat.enabled);
    const modes = this.querySelector(".chat-modes");
    const sentences = chat.enabled ? chat.modes.map((mode) => mode.sentence) : [];
    modes?.replaceChildren(...sentences.map((s) => make("span", { class: "tag" }, s)));
    const account = this.you !== null && this.you.user_id !== null;
    this.form.shown = account && chat.enabled && !why;
    if (!chat.enabled) {
      const name = page.channel?.display_name ?? "";
      this.explain(t("%(name)s has switched the chat off.", { name }));
    } else if (!account) {
      this.signIn();
    } else {
      this.explain(why ?? "");
    }
  }

  private signIn(): void {
    const link = this.whyFirst.find((node) => node instanceof HTMLAnchorElement);
    const next = encodeURIComponent(location.pathname);
    this.why.replaceChildren(
      ...(link
        ? this.whyFirst
        : [
            make("a", { href: `/signin?next=${next}` }, t("Sign in")),
            ` ${t("to chat. Everyone can read.")}`,
          ]),
    );
    this.why.hidden = false;
  }

  private explain(sentence: string): void {
    this.why.textContent = sentence;
    this.why.hidden = sentence === "";
  }

  private deletable(element: HTMLElement): void {
    if (element.querySelector(".msg-delete")) return;
    const label = t("Delete this message");
    const button = make(
      "button",
      { class: "btn icon msg-delete", type: "button", "aria-label": label, title: label },
      icon("close", 16),
    );
    button.addEventListener("click", () => {
      const id = element.dataset.id;
      if (id) ChatElement.connection.send({ t: "delete", id, nonce: newNonce() });
    });
    element.append(button);
  }

  private deleted(ids: readonly string[]): void {
    this.list.flush();
    for (const id of ids) {
      this.list.find(id)?.replaceWith(eventElement(t("A message was deleted.")));
    }
  }

  private people(n: number): void {
    this.setCount(n);
    if (this.gathering !== undefined || this.presence.empty) return;
    this.gathering = window.setTimeout(() => {
      this.gathering = undefined;
      const { joined, left } = this.presence.take();
      const lines = [
        sentence(joined, () => ({
          all: (names) => t("%(names)s joined", { names }),
          some: (names, n) =>
            tn("%(names)s and %(count)s other joined", "%(names)s and %(count)s others joined", n, {
              names,
            }),
        })),
        sentence(left, () => ({
          all: (names) => t("%(names)s left", { names }),
          some: (names, n) =>
            tn("%(names)s and %(count)s other left", "%(names)s and %(count)s others left", n, {
              names,
            }),
        })),
      ].filter((line) => line !== "");
      if (lines.length === 0) return;
      // In a quiet room the newest line about people replaces the one before it.
      if (this.list.last?.matches(".event.people")) {
        this.list.flush();
        this.list.last?.remove();
      }
      const element = eventElement(lines.join(" · "));
      element.classList.add("people");
      this.list.append(element);
    }, GATHER);
  }

  private setCount(n: number): void {
    const count = this.querySelector(".chat-count");
    if (count) count.textContent = n.toLocaleString(page.language);
  }
}

interface Sentences {
  all: (names: string) => string;
  some: (names: string, others: number) => string;
}

function sentence(people: Gathering, words: () => Sentences): string {
  if (people.names.length === 0) return "";
  if (people.others === 0) return words().all(listed(people.names, page.language));
  return words().some(people.names.join(", "), people.others);
}
