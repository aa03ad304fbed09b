// pgflow: its SQL client, 100 messages at a time, 10 tasks at a time. The worker of pgflow runs on
// another platform, and the function realtime.send of that platform does nothing here.
"use strict";

const fs = require("fs");
const path = require("path");
const postgres = require("postgres");
const protocol = require("./protocol.cjs");

const PACKAGE = path.join(process.env.NODE_PATH, "@pgflow", "core", "dist");
const CONCURRENCY = 10;
const OUTPUTS = { list: Array.from({ length: 1000 }, (_, i) => i) };
const BRANCHES = Array.from({ length: 20 }, (_, i) => `branch_${i}`);
const links = Array.from({ length: 10 }, (_, i) => [`link_${i}`, i ? [`link_${i - 1}`] : []]);
const SHAPES = {
  jobs: [["only", []]],
  chain_of_10: links,
  diamond_1_20_1: [["source", []], ...BRANCHES.map((b) => [b, ["source"]]), ["join", BRANCHES]],
  map_of_output: [["list", []], ["each", ["list"], "map"]],
};

const sql = postgres({
  host: process.env.PGHOST,
  path: path.join(process.env.PGHOST, ".s.PGSQL.5432"),
  database: process.env.PGDATABASE,
  username: process.env.PGUSER,
  max: CONCURRENCY,
  onnotice: () => {},
});

async function install() {
  await sql.unsafe(`
    create schema realtime;
    create function realtime.send(jsonb, text, text, boolean) returns void language sql as ''
  `);
  const folder = path.join(PACKAGE, "supabase", "migrations");
  for (const file of fs.readdirSync(folder).sort()) {
    const text = fs.readFileSync(path.join(folder, file), "utf8");
    await sql.unsafe(text.replace(/^create (extension|schema)[^;]*pgmq[^;]*;/gim, ""));
  }
  for (const [shape, steps] of Object.entries(SHAPES)) {
    await sql`select pgflow.create_flow(${shape})`;
    for (const [slug, depends, type] of steps) {
      await sql`
        select pgflow.add_step(
          flow_slug => ${shape}, step_slug => ${slug}, deps_slugs => ${depends}::text[],
          step_type => ${type ?? "single"}
        )`;
    }
  }
}

async function client() {
  const { PgflowSqlClient } = await import(path.join(PACKAGE, "PgflowSqlClient.js"));
  return new PgflowSqlClient(sql);
}

async function starter(shape) {
  const pgflow = await client();
  return async (runs) => {
    let left = runs;
    const start = async () => {
      while (left-- > 0) await pgflow.startFlow(shape, {});
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, start));
  };
}

async function work(shape) {
  const pgflow = await client();
  const worker = crypto.randomUUID();
  await sql`
    insert into pgflow.workers (worker_id, queue_name, function_name)
    values (${worker}, ${shape}, 'bench')`;
  for (;;) {
    const messages = await pgflow.readMessages(shape, 60, protocol.BATCH, 1, 50);
    if (!messages.length) continue;
    const tasks = await pgflow.startTasks(
      shape,
      messages.map((message) => message.msg_id),
      worker,
    );
    const left = [...tasks];
    const execute = async () => {
      for (let task = left.pop(); task; task = left.pop()) {
        await pgflow.completeTask(task, OUTPUTS[task.step_slug]);
        protocol.executed += 1;
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, execute));
  }
}

protocol.main(install, starter, work);
