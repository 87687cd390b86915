import assert from "node:assert/strict";
import { test } from "node:test";
import { bufferedEnd, LatencyControl, type View } from "../src/latency.ts";

const PART = 0.2;
const LOW = { behind: 0.9, steady: false };

const view = (change: Partial<View> = {}): View => ({
  now: 0,
  edge: 100,
  age: 0,
  part: PART,
  position: 99,
  bufferedEnd: 99.8,
  ...change,
});

/** A viewer's player against a stream that grows by a part every 200 ms, in steps of 100 ms. */
class Simulation {
  now = 0;
  position: number;
  readonly control: LatencyControl;
  seeks = 0;
  frozen = false;

  constructor(control: LatencyControl, behind: number) {
    this.control = control;
    this.position = 100 - behind;
  }

  run(seconds: number): void {
    for (let i = 0; i < seconds * 10; i++) this.step();
  }

  get behind(): number {
    return this.control.behind(this.view());
  }

  private view(): View {
    const live = 100 + this.now / 1000;
    const edge = Math.floor(live / PART) * PART;
    return view({
      now: this.now,
      edge,
      age: live - edge,
      position: this.position,
      bufferedEnd: edge - 0.05,
    });
  }

  private step(): void {
    const action = this.control.step(this.view());
    let rate = 1;
    if (action.do === "seek") {
      this.position = action.to;
      this.seeks++;
    } else {
      rate = action.rate;
      assert.ok(rate >= 0.94 && rate <= 1.08, `speed ${rate} would be heard`);
    }
    this.now += 100;
    if (!this.frozen) this.position += rate * 0.1;
  }
}

test("a start two seconds behind is caught up by speed alone", () => {
  const simulation = new Simulation(new LatencyControl(LOW), 2.4);
  simulation.run(45);
  assert.equal(simulation.seeks, 0);
  assert.ok(Math.abs(simulation.behind - 0.9) < 0.08, `${simulation.behind}`);
});

test("a start too close falls back without a stop", () => {
  const simulation = new Simulation(new LatencyControl(LOW), 0.3);
  simulation.run(40);
  assert.equal(simulation.seeks, 0);
  assert.ok(Math.abs(simulation.behind - 0.9) < 0.08, `${simulation.behind}`);
});

test("on target nothing happens", () => {
  const simulation = new Simulation(new LatencyControl(LOW), 0.9);
  simulation.run(60);
  assert.equal(simulation.seeks, 0);
  assert.ok(Math.abs(simulation.behind - 0.9) < 0.05);
});

test("after a pause of a minute it jumps once, and is live", () => {
  const simulation = new Simulation(new LatencyControl(LOW), 60);
  simulation.run(1);
  assert.equal(simulation.seeks, 1);
  assert.ok(Math.abs(simulation.behind - 0.9) < 0.2, `${simulation.behind}`);
});

test("jumps keep a pause between them", () => {
  const control = new LatencyControl(LOW);
  assert.equal(control.step(view({ now: 0, position: 50, bufferedEnd: 50.1 })).do, "seek");
  assert.equal(control.step(view({ now: 2900, position: 50.01, bufferedEnd: 50.1 })).do, "rate");
  assert.equal(control.step(view({ now: 3100, position: 50.02, bufferedEnd: 50.1 })).do, "seek");
});

test("a picture that is stuck with data at hand gets a tiny seek, once a second", () => {
  const control = new LatencyControl(LOW);
  assert.equal(control.step(view({ now: 0 })).do, "rate");
  assert.equal(control.step(view({ now: 100 })).do, "rate");
  const action = control.step(view({ now: 200 }));
  assert.equal(action.do, "seek");
  assert.ok(action.do === "seek" && action.why === "stuck" && action.to > 99 && action.to < 99.8);
  assert.equal(control.step(view({ now: 300 })).do, "rate");
  assert.equal(control.step(view({ now: 1500 })).do, "seek");
});

test("a picture that waits for data is left alone", () => {
  const control = new LatencyControl(LOW);
  for (let now = 0; now < 5000; now += 100) {
    assert.equal(control.step(view({ now, bufferedEnd: 99.1 })).do, "rate");
  }
});

test("a playlist that stands still does not push the picture on", () => {
  const control = new LatencyControl(LOW);
  assert.ok(Math.abs(control.behind(view({ age: 25 })) - (1 + 3 * PART)) < 1e-9);
  // The creator is away: no jump, whatever time passes.
  for (let now = 0; now < 25_000; now += 100) {
    const action = control.step(view({ now, age: now / 1000, position: 99.99, bufferedEnd: 100 }));
    assert.equal(action.do, "rate");
  }
});

test("after a return the picture waits once for enough, and not for ever", () => {
  const control = new LatencyControl(LOW);
  const back = (now: number, buffered: number) =>
    control.step(view({ now, edge: 101, position: 100, bufferedEnd: 100 + buffered }));
  control.step(view({ now: 0, age: 5, position: 100, bufferedEnd: 100 }));
  assert.deepEqual(back(100, 0.2), { do: "rate", rate: 0 });
  assert.deepEqual(back(200, 0.39), { do: "rate", rate: 0 });
  assert.notDeepEqual(back(300, 0.45), { do: "rate", rate: 0 });
  assert.notDeepEqual(back(400, 0.2), { do: "rate", rate: 0 });
  control.step(view({ now: 10_000, age: 5, position: 100, bufferedEnd: 100 }));
  assert.deepEqual(back(11_900, 0.1), { do: "rate", rate: 0 });
  assert.notDeepEqual(back(12_100, 0.1), { do: "rate", rate: 0 });
});

test("stalls at the start and around a return do not move the target", () => {
  const control = new LatencyControl(LOW);
  const stall = (at: number) => {
    control.stallBegan(at);
    control.stallEnded(at + 200);
  };
  control.step(view({ now: 0 }));
  for (const at of [300, 900, 1500]) stall(at);
  assert.equal(control.target, 0.9);
  control.step(view({ now: 60_000, age: 4 }));
  for (const at of [60_500, 61_000, 61_500]) stall(at);
  assert.equal(control.target, 0.9);
  for (const at of [70_000, 71_000]) stall(at);
  assert.ok(control.target > 0.9);
});

test("two stalls in half a minute move the target away, two quiet minutes bring it back", () => {
  const control = new LatencyControl(LOW);
  const stall = (at: number, length: number) => {
    control.stallBegan(at);
    control.stallEnded(at + length);
  };
  control.step(view({ now: -10_000 }));
  stall(0, 200);
  stall(40_000, 200);
  assert.equal(control.target, 0.9);
  stall(50_000, 200);
  assert.ok(Math.abs(control.target - 1.2) < 1e-9);
  control.step(view({ now: 100_000 }));
  assert.ok(Math.abs(control.target - 1.2) < 1e-9);
  control.step(view({ now: 171_000 }));
  assert.equal(control.target, 0.9);
  assert.equal(control.stalls, 3);
});

test("the target never leaves its bounds, and a long absence is no stall", () => {
  const control = new LatencyControl(LOW);
  control.step(view({ now: -10_000 }));
  for (let at = 0; at < 60_000; at += 500) {
    control.stallBegan(at);
    control.stallEnded(at + 100);
  }
  assert.equal(control.target, 3);
  const away = new LatencyControl(LOW);
  away.step(view({ now: -10_000 }));
  for (let at = 0; at < 60_000; at += 10_000) {
    away.stallBegan(at);
    away.stallEnded(at + 5000);
  }
  assert.equal(away.target, 0.9);
  assert.equal(away.stalls, 0);
});

test("the buffered end is that of the range around the picture", () => {
  const ranges = (...pairs: [number, number][]): TimeRanges => ({
    length: pairs.length,
    start: (i) => pairs[i]?.[0] ?? 0,
    end: (i) => pairs[i]?.[1] ?? 0,
  });
  assert.equal(bufferedEnd(ranges([0, 5], [7, 9]), 3), 5);
  assert.equal(bufferedEnd(ranges([0, 5], [7, 9]), 6.95), 9);
  assert.equal(bufferedEnd(ranges(), 4), 4);
});

test("a steady picture keeps its speed wherever it is, and still jumps when it is far behind", () => {
  for (const behind of [2, 3.5, 5.5]) {
    const control = new LatencyControl({ behind: 4, steady: true });
    const simulation = new Simulation(control, behind);
    simulation.run(20);
    assert.ok(Math.abs(simulation.behind - behind) < 0.05, `${simulation.behind}`);
    assert.equal(simulation.seeks, 0);
  }
  const simulation = new Simulation(new LatencyControl({ behind: 4, steady: true }), 30);
  simulation.run(1);
  assert.equal(simulation.seeks, 1);
  assert.ok(Math.abs(simulation.behind - 4) < 0.2, `${simulation.behind}`);
});

test("a steady picture that is stuck loses nothing", () => {
  const control = new LatencyControl({ behind: 4, steady: true });
  control.step(view({ position: 95 }));
  const action = control.step(view({ now: 200, position: 95 }));
  assert.ok(action.do === "seek" && action.to > 95 && action.to < 95.01);
});

test("without a distance from the server it chooses its own", () => {
  assert.ok(new LatencyControl({ behind: 0, steady: false }).target > 0.5);
});

test("stalls make no distance shorter", () => {
  const control = new LatencyControl({ behind: 4, steady: true });
  control.step(view());
  for (const at of [10_000, 12_000]) {
    control.stallBegan(at);
    control.stallEnded(at + 500);
  }
  assert.equal(control.target, 4);
});
