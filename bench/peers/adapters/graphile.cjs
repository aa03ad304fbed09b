// Graphile Worker: add_jobs with 100 jobs, a local queue of 500, completion in batches.
"use strict";

const { makeWorkerUtils, run } = require("graphile-worker");
const { Logger } = require("@graphile/logger");
const { Pool } = require("pg");
const protocol = require("./protocol.cjs");

const preset = {
  worker: {
    pgPool: new Pool({ max: 25 }), // the server is in PGHOST and PGDATABASE
    logger: new Logger(() => () => {}),
    concurrentJobs: 24,
    maxPoolSize: 25,
    localQueue: { size: 500 },
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
  },
};

async function install() {
  const utils = await makeWorkerUtils({ preset });
  await utils.migrate();
}

async function starter(shape) {
  const utils = await makeWorkerUtils({ preset });
  return async (runs) => {
    for (const size of protocol.batches(runs)) {
      await utils.addJobs(Array.from({ length: size }, () => ({ identifier: shape, payload: {} })));
    }
  };
}

async function work(shape) {
  const job = async () => {
    protocol.executed += 1;
  };
  await run({ preset, taskList: { [shape]: job } });
}

protocol.main(install, starter, work);
