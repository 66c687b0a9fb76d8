// One contender on Node in a process of its own: `node worker.mjs NAME URL INPUTS`.
// Same commands and answers as worker.py.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [name, url, file] = process.argv.slice(2);
const inputs = JSON.parse(readFileSync(file, "utf8"));

const PROVIDER = [
  "id", "name", "type", "api_key", "base_url", "models", "settings", "is_active", "is_default",
  "created_at", "updated_at",
];

// Where the database is, in the form that pg and postgres.js share.
function place() {
  const parts = new URL(url.replace("@/", "@localhost/"));
  return {
    host: parts.searchParams.get("host") ?? parts.hostname,
    port: Number(parts.searchParams.get("port") ?? (parts.port || 5432)),
    user: decodeURIComponent(parts.username),
    password: decodeURIComponent(parts.password) || undefined,
    database: parts.pathname.slice(1),
    connections: 10,
  };
}

class Calls {
  constructor(contender, given) {
    this.method = contender[given.method];
    this.fields = given.fields;
    this.named = given.kinds.includes("name");
    this.list = given.arguments.map((each) =>
      each.map((value, n) => (given.kinds[n] === "time" ? new Date(value) : value)));
    this.next = 0;
  }

  one() {
    const number = this.next++;
    const args = this.list[number % this.list.length];
    if (!this.named) return this.method(...args);
    return this.method(`${args[0]}-${process.pid}-${number}`, ...args.slice(1));
  }

  async run(tasks, seconds, most) {
    let started = 0;
    let calls = 0;
    const cpu = process.cpuUsage();
    const began = performance.now();
    const deadline = began + seconds * 1000;
    const task = async () => {
      while (started < most && performance.now() < deadline) {
        started += 1;
        await this.one();
        calls += 1;
      }
    };
    await Promise.all(Array.from({ length: tasks }, task));
    const { user, system } = process.cpuUsage(cpu);
    return { calls, wall: (performance.now() - began) / 1000, cpu: (user + system) / 1e6 };
  }
}

function plain(found, fields) {
  if (found === null || found === undefined || typeof found === "number") return found ?? null;
  if (Array.isArray(found)) return found.map((each) => plain(each, fields));
  const values = {};
  for (const field of fields) {
    values[field] = field === "provider"
      ? found.provider && plain(found.provider, PROVIDER)
      : value(found[field]);
  }
  return values;
}

const value = (given) => (given instanceof Date ? given.getTime() : given ?? null);
const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");

const { default: open } = await import(`./contenders/${name}.mjs`);
const contender = await open(place());
const workloads = Object.fromEntries(
  Object.entries(inputs)
    .filter(([, given]) => given.method in contender)
    .map(([key, given]) => [key, new Calls(contender, given)]));
say({ workloads: Object.keys(workloads) });
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  const calls = workloads[command.workload];
  if (command.do === "check") say({ found: plain(await calls.one(), calls.fields) });
  else say(await calls.run(command.tasks, command.seconds, command.most));
}
await contender.close();
