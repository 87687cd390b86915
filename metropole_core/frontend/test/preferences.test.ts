import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePreferences, writePreferences } from "../src/preferences-cookie.ts";

test("the cookie is read and written alike", () => {
  const text = "scheme-light.rail-narrow.chat-hidden";
  assert.equal(writePreferences(parsePreferences(text)), text);
});

test("what is no preference is dropped", () => {
  assert.equal(writePreferences(parsePreferences("")), "");
  assert.equal(writePreferences(parsePreferences("x;y.scheme-light.=.a-b-c")), "scheme-light");
});
