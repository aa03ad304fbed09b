// How an adapter talks to the benchmark: the same as protocol.py.
"use strict";

const readline = require("readline");

exports.BATCH = 100;
exports.URL = process.env.BENCH_URL;
exports.executed = 0;

exports.batches = (runs) =>
  Array.from({ length: Math.ceil(runs / exports.BATCH) }, (_, i) =>
    Math.min(exports.BATCH, runs - i * exports.BATCH),
  );

exports.main = async (install, starter, work) => {
  const [role, shape] = process.argv.slice(2);
  if (role === "install") {
    await install();
    process.exit(0);
  } else if (role === "start") {
    const start = await starter(shape);
    console.log("ready");
    for await (const line of readline.createInterface({ input: process.stdin })) {
      await start(Number(line));
      console.log("started");
    }
    process.exit(0);
  } else {
    let reported = 0;
    setInterval(() => {
      if (exports.executed !== reported) {
        reported = exports.executed;
        console.log(reported);
      }
    }, 20);
    await work(shape);
  }
};
