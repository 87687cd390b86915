import assert from "node:assert/strict";
import { test } from "node:test";
import { type Answer, isGateway, type Surroundings, Way } from "../src/way.ts";

const MEDIA = "https://media.example:8001/hls/abc/index.m3u8";
const SITE = "https://live.example/-/media/hls/abc/index.m3u8";

interface Reply {
  answer: Answer;
  after: number;
}

/** A world with a clock of its own: what each address answers, and when. */
class World implements Surroundings {
  time = 0;
  secure = true;
  asked: string[] = [];
  known = new Set<string>();
  media: Reply = { answer: "silent", after: 0 };
  site: Reply = { answer: "there", after: 20 };
  memory = {
    knows: (origin: string) => this.known.has(origin),
    remember: (origin: string) => void this.known.add(origin),
    forget: (origin: string) => void this.known.delete(origin),
  };

  now = () => this.time;

  async wait(ms: number): Promise<void> {
    this.time += ms;
  }

  async probe(url: string, ms: number): Promise<Answer> {
    this.asked.push(url === MEDIA ? "media" : "site");
    const { answer, after } = url === MEDIA ? this.media : this.site;
    if (answer === "silent" && after === 0) return "silent"; // refused at once
    this.time += Math.min(ms, after);
    return after > ms ? "silent" : answer;
  }
}

const world = (change: Partial<World> = {}) => Object.assign(new World(), change);
const never = () => false;

test("nothing is asked and nobody waits while nothing speaks against the media port", async () => {
  const around = world();
  assert.equal(await new Way(MEDIA, SITE, around).first(), "stay");
  assert.deepEqual([around.asked, around.time], [[], 0]);
});

test("without a second address there is one way", async () => {
  for (const site of [null, undefined, MEDIA]) {
    const around = world({ secure: false });
    const way = new Way(MEDIA, site, around);
    const found = [await way.first(), await way.race(never), await way.check()];
    assert.deepEqual(found, ["stay", "stay", "stay"]);
    assert.deepEqual(around.asked, []);
    assert.equal(way.url, MEDIA);
    assert.equal(way.map(MEDIA), MEDIA);
    assert.equal(way.bySite, site === MEDIA);
  }
});

test("silence: the site is asked after a second, and the turn comes after two", async () => {
  const around = world({ media: { answer: "silent", after: 60_000 } });
  const way = new Way(MEDIA, SITE, around);
  assert.equal(await way.race(never), "turn");
  assert.equal(way.bySite, true);
  assert.ok(around.time >= 2000 && around.time < 2200, `${around.time}`);
  assert.deepEqual(around.asked, ["site"]);
});

test("a slow line is not taken for a blocked port", async () => {
  const around = world({ site: { answer: "there", after: 600 } });
  const arrives = 4500; // eight round trips of 600 ms are given
  assert.equal(await new Way(MEDIA, SITE, around).race(() => around.time >= arrives), "stay");
});

test("what arrives in the head start costs no question", async () => {
  const around = world();
  assert.equal(await new Way(MEDIA, SITE, around).race(() => around.time > 500), "stay");
  assert.deepEqual(around.asked, []);
});

test("when the site is silent too, it is the line: nothing turns", async () => {
  for (const answer of ["silent", "other"] as const) {
    const around = world({ site: { answer, after: 10 } });
    const way = new Way(MEDIA, SITE, around);
    assert.equal(await way.race(never), "stay");
    assert.equal(await way.check(), "stay");
    assert.equal(way.bySite, false);
    assert.equal(around.known.size, 0);
  }
});

test("refused: the turn comes at once", async () => {
  const around = world();
  const way = new Way(MEDIA, SITE, around);
  assert.equal(await way.check(), "turn");
  assert.ok(around.time < 100);
  assert.deepEqual(around.asked, ["site", "media"]);
});

test("swallowed in the middle: the turn comes within two seconds", async () => {
  const around = world({ media: { answer: "silent", after: 60_000 } });
  assert.equal(await new Way(MEDIA, SITE, around).check(), "turn");
  assert.ok(around.time < 2000, `${around.time}`);
});

test("a media port that answers keeps its players, whatever it answers", async () => {
  for (const answer of ["there", "other"] as const) {
    const around = world({ media: { answer, after: 100 } });
    const way = new Way(MEDIA, SITE, around);
    assert.equal(await way.check(), "stay");
    assert.equal(way.url, MEDIA);
  }
});

test("trouble one after the other is looked at once in a while", async () => {
  const around = world({ media: { answer: "there", after: 10 } });
  const way = new Way(MEDIA, SITE, around);
  await Promise.all([way.check(), way.check(), way.check()]);
  assert.equal(around.asked.length, 2);
  around.time += 2100;
  await way.check();
  assert.equal(around.asked.length, 4);
});

test("there is no way back, and no second turn", async () => {
  const around = world();
  const way = new Way(MEDIA, SITE, around);
  assert.equal(await way.check(), "turn");
  around.media = { answer: "there", after: 5 };
  around.time += 100_000;
  assert.deepEqual([await way.check(), await way.race(never)], ["stay", "stay"]);
  assert.equal(way.url, SITE);
});

test("two findings at the same time are one turn", async () => {
  const around = world();
  const way = new Way(MEDIA, SITE, around);
  const found = await Promise.all([way.check(), way.race(never)]);
  assert.deepEqual(found.sort(), ["stay", "turn"]);
});

test("mixed content goes through the site at once", async () => {
  const plain = "http://media.example:8001/hls/abc/index.m3u8";
  const around = world();
  const way = new Way(plain, SITE, around);
  assert.equal(await way.first(), "turn");
  assert.equal(way.url, SITE);
  assert.deepEqual(around.asked, ["site"]);
});

test("this machine is no mixed content, and a plain page has none", async () => {
  for (const host of ["127.0.0.1:8001", "localhost:8001", "[::1]:8001", "a.localhost"]) {
    assert.equal(await new Way(`http://${host}/x/i.m3u8`, SITE, world()).first(), "stay");
  }
  const around = world({ secure: false });
  assert.equal(await new Way("http://media.example/x/i.m3u8", SITE, around).first(), "stay");
});

test("what was out of reach a moment ago is not waited for again", async () => {
  const around = world();
  await new Way(MEDIA, SITE, around).check();
  assert.equal(await new Way(MEDIA, SITE, around).first(), "turn");
});

test("when the site fails as well, the next engine tries the media port", async () => {
  const around = world();
  const way = new Way(MEDIA, SITE, around);
  await way.check();
  way.failed();
  assert.equal(await new Way(MEDIA, SITE, around).first(), "stay");

  await new Way(MEDIA, SITE, around).check();
  around.site = { answer: "silent", after: 0 };
  assert.equal(await new Way(MEDIA, SITE, around).first(), "stay");
  assert.equal(around.known.size, 0);
});

test("full: said so, unless the media port is back", async () => {
  const around = world({ site: { answer: "full", after: 10 } });
  assert.equal(await new Way(MEDIA, SITE, around).check(), "full");
  assert.equal(await new Way(MEDIA, SITE, around).first(), "full");
  around.media = { answer: "there", after: 10 };
  assert.equal(await new Way(MEDIA, SITE, around).first(), "stay");
  assert.equal(around.known.size, 0);
});

test("full: a slow media port has longer", async () => {
  const around = world({ site: { answer: "full", after: 10 } });
  assert.equal(await new Way(MEDIA, SITE, around).race(() => around.time > 4000), "stay");
  assert.equal(await new Way(MEDIA, SITE, around).race(never), "full");
});

test("all that lies beside the playlist is fetched the same way", async () => {
  const way = new Way(MEDIA, SITE, world());
  const part = "https://media.example:8001/hls/abc/v0_p7.m4s?a=1";
  assert.equal(way.map(part), part);
  await way.check();
  assert.equal(way.map(part), "https://live.example/-/media/hls/abc/v0_p7.m4s?a=1");
  assert.equal(way.map(MEDIA), SITE);
  assert.equal(way.map(SITE), SITE);
  for (const other of [
    "https://media.example:8001/hls/other/x",
    "https://else.example/hls/abc/x",
  ]) {
    assert.equal(way.map(other), other);
  }
});

test("who stands between and cannot reach it counts as silence", () => {
  assert.deepEqual([502, 504, 522, 530].map(isGateway), [true, true, true, true]);
  assert.deepEqual([200, 404, 410, 500, 503].filter(isGateway), []);
});
