// An adapter of oidc-provider on PostgreSQL: one table, a row for each thing that has to be remembered, prepared statements.
import pg from "pg";

const table = `create table oidc (
  kind text not null, id text not null, payload jsonb not null, grant_id text, uid text, user_code text, expires_at timestamptz,
  consumed_at timestamptz, primary key (kind, id))`;

const statements = {
  upsert: `insert into oidc (kind, id, payload, grant_id, uid, user_code, expires_at) values ($1, $2, $3, $4, $5, $6, $7)
    on conflict (kind, id) do update set payload = excluded.payload, expires_at = excluded.expires_at`,
  find: "select payload, consumed_at from oidc where kind = $1 and id = $2 and (expires_at is null or expires_at > now())",
  findByUid: "select payload, consumed_at from oidc where kind = $1 and uid = $2",
  findByUserCode: "select payload, consumed_at from oidc where kind = $1 and user_code = $2",
  consume: "update oidc set consumed_at = now() where kind = $1 and id = $2",
  destroy: "delete from oidc where kind = $1 and id = $2",
  revokeByGrantId: "delete from oidc where kind = $1 and grant_id = $2",
};

/** The adapter's class, on a pool of so many connections as we have ourselves. */
export async function postgresAdapter(connectionString) {
  const pool = new pg.Pool({ connectionString, max: 16 });
  await pool.query(table);

  return class {
    constructor(kind) {
      this.kind = kind;
    }

    #query(name, ...values) {
      return pool.query({ name, text: statements[name], values: [this.kind, ...values] });
    }

    async #one(name, value) {
      const [row] = (await this.#query(name, value)).rows;
      return row && { ...row.payload, ...(row.consumed_at && { consumed: true }) };
    }

    async upsert(id, payload, seconds) {
      const until = seconds && new Date(Date.now() + seconds * 1_000);
      await this.#query("upsert", id, payload, payload.grantId, payload.uid, payload.userCode, until);
    }

    find(id) {
      return this.#one("find", id);
    }

    findByUid(uid) {
      return this.#one("findByUid", uid);
    }

    findByUserCode(userCode) {
      return this.#one("findByUserCode", userCode);
    }

    async consume(id) {
      await this.#query("consume", id);
    }

    async destroy(id) {
      await this.#query("destroy", id);
    }

    async revokeByGrantId(grantId) {
      await this.#query("revokeByGrantId", grantId);
    }
  };
}
