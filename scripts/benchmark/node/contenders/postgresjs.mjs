// postgres.js; rows are plain objects, statements are prepared and pipelined by the driver.

import postgres from "postgres";

const PROVIDER = [
  "id", "name", "type", "api_key", "base_url", "models", "settings", "is_active", "is_default",
  "created_at", "updated_at",
];
const NEW = [
  "provider_id", "model", "request", "response", "prompt_tokens", "completion_tokens",
  "total_tokens", "response_time_ms", "status_code", "error",
];
const ALL = ["id", ...NEW, "created_at"];

export default async function open({ host, port, user, password, database, connections }) {
  const sql = postgres({
    host, port, user, password, database, max: connections, onnotice() {},
  });
  const json = (row) => ({
    ...row, request: sql.json(row.request), response: sql.json(row.response),
  });
  const all = sql(ALL);
  const slim = sql(ALL.filter((name) => name !== "request" && name !== "response"));
  const joined = sql.unsafe([
    ...ALL.map((name) => `i.${name}`), ...PROVIDER.map((name) => `p.${name} as p_${name}`),
  ].join(", "));
  const update = async (tx, id, response_time_ms, completion_tokens) =>
    (await tx`
      update ai_interactions set ${sql({ response_time_ms, completion_tokens })}
      where id = ${id} returning ${all}`)[0];
  const get = async (id) =>
    (await sql`select ${all} from ai_interactions where id = ${id}`)[0];
  const insert = async (row) =>
    (await sql`insert into ai_interactions ${sql(json(row), NEW)} returning ${all}`)[0];

  return {
    get,
    page: (model) => sql`
      select ${all} from ai_interactions where model = ${model} and error is null
      order by created_at desc limit 20`,
    slim: (since) => sql`
      select ${slim} from ai_interactions where created_at >= ${since}
      order by created_at, id limit 1000`,
    full: (since) => sql`
      select ${all} from ai_interactions where created_at >= ${since}
      order by created_at, id limit 1000`,
    insert,
    insert_many: (rows) => sql`insert into ai_interactions ${sql(rows.map(json), NEW)}`.then(() => null),
    update: (...args) => update(sql, ...args),
    async with_provider(model) {
      const rows = await sql`
        select ${joined} from ai_interactions i left join ai_providers p on p.id = i.provider_id
        where i.model = ${model} order by i.created_at desc limit 20`;
      return rows.map((row) => ({
        ...Object.fromEntries(ALL.map((name) => [name, row[name]])),
        provider: row.p_id && Object.fromEntries(PROVIDER.map((name) => [name, row[`p_${name}`]])),
      }));
    },
    transaction: (name, row) =>
      sql.begin(async (tx) => {
        const [{ id }] = await tx`
          insert into ai_providers (name, type, base_url, settings)
          values (${name}, 'openai', 'https://api.example.com/v1', ${sql.json({ retries: 2 })})
          returning id`;
        await tx`insert into ai_interactions ${sql(json({ ...row, provider_id: id }), NEW)}`;
        return null;
      }),
    async counted_page(model) {
      const [{ n }] = await sql`
        select count(*) as n from ai_interactions where model = ${model}`;
      const rows = await sql`
        select ${all} from ai_interactions where model = ${model}
        order by created_at desc limit 20`;
      return [Number(n), rows];
    },
    async stream(since, count) {
      let seen = 0;
      let last = null;
      await sql`
        select ${slim} from ai_interactions where created_at >= ${since}
        order by created_at, id limit ${count}
      `.cursor(500, (rows) => {
        for (last of rows) seen += 1;
      });
      return [seen, last];
    },
    get_shared: get,
    insert_shared: insert,
    unit: (updates) =>
      sql.begin(async (tx) => {
        for (const each of updates) await update(tx, ...each);
        return null;
      }),
    close: () => sql.end(),
  };
}
