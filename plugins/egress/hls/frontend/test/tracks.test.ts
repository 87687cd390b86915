import assert from "node:assert/strict";
import { test } from "node:test";
import type { Level, MediaPlaylist } from "hls.js";
import { codecNames, levelOf, qualities, sounds } from "../src/tracks.ts";

const level = (height: number, uri: string, more: object = {}): Level =>
  ({
    id: 0, // as hls.js has it, for all
    width: (height * 16) / 9,
    height,
    frameRate: 30,
    maxBitrate: height * 1000,
    videoCodec: "avc1.64001f",
    uri: `https://media.example/hls/abc/${uri}`,
    ...more,
  }) as unknown as Level;

const LEVELS = [level(180, "v2.m3u8"), level(360, "v1.m3u8"), level(720, "v0.m3u8")];

test("qualities stand best first, and the source is marked", () => {
  const found = qualities(LEVELS);
  assert.deepEqual(
    found.map(({ height, source }) => [height, source]),
    [
      [720, true],
      [360, false],
      [180, false],
    ],
  );
});

test("names that only begin like the source's are not it", () => {
  const [other] = qualities([level(720, "v01.m3u8")]);
  assert.equal(other?.source, false);
});

test("a quality keeps its name when another is taken away", () => {
  const left = LEVELS.slice(1);
  const [best, , least] = qualities(LEVELS).map(({ id }) => id);
  assert.equal(levelOf(LEVELS, best ?? ""), 2);
  assert.equal(levelOf(left, best ?? ""), 1);
  assert.equal(levelOf(left, least ?? ""), -1);
});

test("tracks of sound", () => {
  const track = { id: 1, name: "English", lang: "en" } as MediaPlaylist;
  const nameless = { id: 2, name: "" } as MediaPlaylist;
  assert.deepEqual(sounds([track, nameless]), [
    { id: "1", name: "English", language: "en" },
    { id: "2", name: "", language: "" },
  ]);
});

test("codecs have the names that people know", () => {
  assert.equal(codecNames(["hvc1.1.6.L93.B0,mp4a.40.2", "hvc1.1.6.L63.B0"]), "HEVC (H.265), AAC");
  assert.equal(codecNames(["av01.0.08M.08, opus"]), "AV1, Opus");
  assert.equal(codecNames(["vvc1.1"]), "vvc1.1");
});
