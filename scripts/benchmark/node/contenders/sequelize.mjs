// Sequelize 6 on pg, models defined the way its guide shows.

import { DataTypes, Op, Sequelize } from "sequelize";

function define(sequelize) {
  const Provider = sequelize.define("AiProvider", {
    id: { type: DataTypes.UUID, primaryKey: true, defaultValue: DataTypes.UUIDV4 },
    name: { type: DataTypes.STRING(100), allowNull: false, unique: true },
    type: { type: DataTypes.STRING(50), allowNull: false },
    api_key: DataTypes.TEXT,
    base_url: DataTypes.STRING(500),
    models: DataTypes.JSONB,
    settings: DataTypes.JSONB,
    is_active: { type: DataTypes.BOOLEAN, allowNull: false, defaultValue: true },
    is_default: { type: DataTypes.BOOLEAN, allowNull: false, defaultValue: false },
  }, {
    tableName: "ai_providers", underscored: true, createdAt: "created_at", updatedAt: "updated_at",
  });
  const Interaction = sequelize.define("AiInteraction", {
    id: { type: DataTypes.UUID, primaryKey: true, defaultValue: DataTypes.UUIDV4 },
    provider_id: DataTypes.UUID,
    model: { type: DataTypes.STRING(100), allowNull: false },
    request: { type: DataTypes.JSONB, allowNull: false },
    response: DataTypes.JSONB,
    prompt_tokens: DataTypes.INTEGER,
    completion_tokens: DataTypes.INTEGER,
    total_tokens: DataTypes.INTEGER,
    response_time_ms: DataTypes.INTEGER,
    status_code: DataTypes.INTEGER,
    error: DataTypes.TEXT,
  }, {
    tableName: "ai_interactions", underscored: true, createdAt: "created_at", updatedAt: false,
  });
  Interaction.belongsTo(Provider, { as: "provider", foreignKey: "provider_id" });
  return { Provider, Interaction };
}

export default async function open({ host, port, user, password, database, connections }) {
  const sequelize = new Sequelize(database, user, password ?? null, {
    host,
    port,
    dialect: "postgres",
    logging: false,
    pool: { max: connections, min: connections },
  });
  const { Provider, Interaction } = define(sequelize);
  await sequelize.authenticate();
  const newest = (where) => ({ where, order: [["created_at", "DESC"]], limit: 20 });
  const thousand = (since) => ({
    where: { created_at: { [Op.gte]: since } },
    order: [["created_at", "ASC"], ["id", "ASC"]],
    limit: 1000,
  });
  const update = async (id, response_time_ms, completion_tokens, transaction) => {
    const [, [row]] = await Interaction.update(
      { response_time_ms, completion_tokens }, { where: { id }, returning: true, transaction });
    return row;
  };
  const hooks = [];
  const noticed = async () => {};

  return {
    get: (id) => Interaction.findByPk(id),
    page: (model) => Interaction.findAll(newest({ model, error: null })),
    slim: (since) =>
      Interaction.findAll({ ...thousand(since), attributes: { exclude: ["request", "response"] } }),
    full: (since) => Interaction.findAll(thousand(since)),
    insert: (row) => Interaction.create(row),
    insert_many: (rows) => Interaction.bulkCreate(rows).then(() => null),
    update: (...args) => update(...args),
    with_provider: (model) => Interaction.findAll({ ...newest({ model }), include: "provider" }),
    transaction: (name, row) =>
      sequelize.transaction(async (transaction) => {
        const provider = await Provider.create({
          name, type: "openai", base_url: "https://api.example.com/v1", settings: { retries: 2 },
        }, { transaction });
        await Interaction.create({ ...row, provider_id: provider.id }, { transaction });
        return null;
      }),
    async counted_page(model) {
      const { count, rows } = await Interaction.findAndCountAll(newest({ model }));
      return [count, rows];
    },
    async hooked(count, id, response_time_ms, completion_tokens) {
      // Its hooks see objects, so that there has to be one.
      while (hooks.length < count) {
        hooks.push(`hook${hooks.length}`);
        Interaction.addHook("afterUpdate", hooks.at(-1), noticed);
      }
      while (hooks.length > count) Interaction.removeHook("afterUpdate", hooks.pop());
      const row = await Interaction.findByPk(id);
      return row.update({ response_time_ms, completion_tokens });
    },
    unit: (updates) =>
      sequelize.transaction(async (transaction) => {
        for (const each of updates) await update(...each, transaction);
        return null;
      }),
    close: () => sequelize.close(),
  };
}
