import assert from "node:assert/strict";
import { test } from "node:test";
import { mentions, pieces } from "../src/chat/linkify.ts";

const links = (text: string) =>
  pieces(text).flatMap((piece) => (piece.kind === "link" ? [piece.text] : []));

const whole = (text: string) =>
  pieces(text)
    .map((piece) => piece.text)
    .join("");

test("http and https become links, nothing else does", () => {
  assert.deepEqual(links("see https://example.org/a?b=c#d and http://example.org"), [
    "https://example.org/a?b=c#d",
    "http://example.org",
  ]);
  for (const text of [
    "javascript:alert(1)",
    "data:text/html,<script>",
    "ftp://example.org",
    "xhttps//",
    "https://",
    "https://user:secret@example.org/",
  ]) {
    assert.deepEqual(links(text), [], text);
  }
});

test("the end of a sentence is not part of the link", () => {
  assert.deepEqual(links("(https://example.org/a)."), ["https://example.org/a"]);
  assert.deepEqual(links("https://example.org/Harbour_(film), yes"), [
    "https://example.org/Harbour_(film)",
  ]);
  assert.deepEqual(links("https://example.org?!"), ["https://example.org"]);
});

test("quotes and angle brackets end a link", () => {
  assert.deepEqual(links('"https://example.org/x"><img src=x>'), ["https://example.org/x"]);
});

test("no character is lost or added", () => {
  for (const text of [
    "",
    "   ",
    "a@b.example @me, @me! https://example.org/). 🌊",
    "<b>@x</b> https://[::1 and https://example.org/%",
  ]) {
    assert.equal(whole(text), text);
  }
});

test("mentions are words of their own, in any case", () => {
  assert.ok(mentions(pieces("hey @Teo_K, look"), ["teo_k"]));
  assert.ok(mentions(pieces("@Žofie"), ["žofie"]));
  assert.ok(!mentions(pieces("mail teo@teo_k.example"), ["teo_k"]));
  assert.ok(!mentions(pieces("@teo_kk"), ["teo_k"]));
  assert.ok(!mentions(pieces("https://example.org/@teo_k"), ["teo_k"]));
  assert.ok(!mentions(pieces("@"), [""]));
});

test("a hostile message is read in no time", () => {
  const began = performance.now();
  pieces(`https://example.org/${"(".repeat(400)}${")".repeat(400)}${".".repeat(400)}`);
  pieces("https://a".repeat(60));
  pieces("@".repeat(500));
  assert.ok(performance.now() - began < 100);
});
