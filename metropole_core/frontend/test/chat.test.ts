import assert from "node:assert/strict";
import { test } from "node:test";
import { Ledger } from "../src/chat/ledger.ts";
import { newNonce, Outbox, type Pending } from "../src/chat/outbox.ts";
import { Presence } from "../src/chat/presence.ts";

const person = (name: string) => ({ key: `u-${name}`, name, hue: 0 });
const pending = (nonce: string, text: string): Pending => ({
  nonce,
  text,
  element: {} as HTMLElement,
});

test("a message is shown once, and what is remembered is bounded", () => {
  const ledger = new Ledger();
  assert.ok(ledger.add("a"));
  assert.ok(!ledger.add("a"));
  for (let i = 0; i < 5000; i++) ledger.add(String(i));
  assert.equal(ledger.size, 1000);
  assert.ok(!ledger.add("4999"));
});

test("joins are gathered, three by name and more by number", () => {
  const presence = new Presence();
  presence.join(["a", "b", "c"].map(person));
  assert.deepEqual(presence.take().joined, { names: ["a", "b", "c"], others: 0 });
  presence.join(["d", "e", "f", "g"].map(person));
  presence.join([person("d")]);
  assert.deepEqual(presence.take().joined, { names: ["d", "e"], others: 2 });
  assert.ok(presence.empty);
});

test("who reloads the page neither left nor came", () => {
  const presence = new Presence();
  presence.join([person("a")]);
  presence.take();
  presence.leave(["u-a"]);
  presence.join([person("a")]);
  assert.ok(presence.empty);
  presence.join([person("b")]);
  presence.leave(["u-b"]);
  assert.ok(presence.empty);
});

test("who left is named when they were known", () => {
  const presence = new Presence();
  presence.meet([person("a")]);
  assert.ok(presence.empty);
  presence.leave(["u-a", "u-stranger"]);
  assert.deepEqual(presence.take().left, { names: ["a"], others: 0 });
});

test("a receipt finds its message, and an own message that comes first finds it too", () => {
  const outbox = new Outbox();
  outbox.add(pending("1", "hello"));
  outbox.add(pending("2", "hello"));
  assert.equal(outbox.takeText("other"), undefined);
  assert.equal(outbox.takeText("hello")?.nonce, "1");
  assert.equal(outbox.take("2")?.nonce, "2");
  assert.equal(outbox.take("2"), undefined);
  assert.deepEqual(outbox.takeAll(), []);
});

test("nonces differ", () => {
  assert.match(newNonce(), /^[0-9a-f]{24}$/);
  assert.notEqual(newNonce(), newNonce());
});
