import {
  ColumnNode,
  type KyselyPlugin,
  OperationNodeTransformer,
  ReferenceNode,
  SelectAllNode,
  SelectionNode,
  type SelectQueryNode,
  TableNode,
} from "kysely";

import { assert } from "../base/errors.ts";
import { tableColumns } from "./schema/columns.ts";

/**
 * Lets `selectAll` name the columns that this version knows. A newer version may add some while this one runs: PostgreSQL refuses
 * a prepared `SELECT *` from then on ("cached plan must not change result type").
 */
export const namedColumns: KyselyPlugin = {
  transformQuery: ({ node, queryId }) => transformer.transformNode(node, queryId),
  transformResult: async ({ result }) => result,
};

class NamedColumns extends OperationNodeTransformer {
  protected override transformSelectQuery(
    ...given: Parameters<OperationNodeTransformer["transformSelectQuery"]>
  ): SelectQueryNode {
    const node = super.transformSelectQuery(...given);
    if (node.selections === undefined) return node;
    return { ...node, selections: node.selections.flatMap((selection) => expanded(selection, node)) };
  }
}

const transformer = new NamedColumns();

function expanded(node: SelectionNode, query: SelectQueryNode): SelectionNode[] {
  const { selection } = node;
  if (SelectAllNode.is(selection)) {
    const [from, ...others] = query.from?.froms ?? [];
    assert(
      from !== undefined && TableNode.is(from) && others.length === 0 && query.joins === undefined,
      "selectAll() without a table's name is of one table",
    );
    return columnsOf(from).map((column) => SelectionNode.create(column));
  }
  if (!ReferenceNode.is(selection) || !SelectAllNode.is(selection.column)) return [node];
  const { table } = selection;
  assert(table !== undefined, "all columns are of a table");
  return columnsOf(table).map((column) => SelectionNode.create(ReferenceNode.create(column, table)));
}

function columnsOf(table: TableNode): ColumnNode[] {
  const { name } = table.table.identifier;
  const columns = tableColumns.get(name);
  assert(columns !== undefined, `the schema has a table ${name}`);
  return columns.map((column) => ColumnNode.create(column));
}
