// One message or event as an element. Everything people wrote is set as text.

import { make } from "../dom.ts";
import { page } from "../page.ts";
import type { ChatMessage, You } from "../protocol.ts";
import { t } from "../words.ts";
import { mentions, pieces } from "./linkify.ts";

const ROLES: Record<string, { letter: () => string; title: () => string }> = {
  owner: { letter: () => t("C"), title: () => t("Creator") },
  moderator: { letter: () => t("M"), title: () => t("Moderator") },
};

export function messageElement(message: ChatMessage, you: You | null): HTMLLIElement {
  const parts = pieces(message.text);
  const mine = you !== null && message.key === you.key;
  const mentioned = !mine && you !== null && mentions(parts, [you.name, page.user?.name ?? ""]);
  const element = make("li", {
    class: "msg",
    "data-id": message.id,
    "data-key": message.key,
    "data-me": mine,
    "data-mention": mentioned,
  });
  const at = new Date(message.at);
  if (!Number.isNaN(at.getTime())) {
    const text = at.toLocaleTimeString(page.language, { hour: "2-digit", minute: "2-digit" });
    element.append(make("time", { class: "msg-time", datetime: message.at }, text));
  }
  const role = ROLES[message.role];
  if (role) {
    element.append(
      make(
        "span",
        { class: "msg-role", "data-role": message.role, title: role.title() },
        role.letter(),
      ),
    );
  }
  const name = make("b", { class: "msg-name", "data-hue": message.hue }, message.name);
  name.style.setProperty("--hue", String(message.hue));
  element.append(name, " ", textElement(message.text));
  return element;
}

/** The text of a message with its links, also for what the server rendered without them. */
export function textElement(text: string): HTMLSpanElement {
  const span = make("span", { class: "msg-text" });
  for (const piece of pieces(text)) {
    if (piece.kind === "link") {
      const rel = "noopener noreferrer nofollow ugc";
      span.append(make("a", { href: piece.href, target: "_blank", rel }, piece.text));
    } else if (piece.kind === "mention") {
      span.append(make("b", { class: "msg-mention" }, piece.text));
    } else {
      span.append(piece.text);
    }
  }
  return span;
}

export function eventElement(sentence: string): HTMLLIElement {
  return make("li", { class: "msg event" }, sentence);
}
