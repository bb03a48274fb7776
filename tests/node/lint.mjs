// Says what redocly found in the document, and fails when that is anything.
import { readFileSync } from "node:fs";

const { totals, problems } = JSON.parse(readFileSync(process.argv[2], "utf8"));
for (const problem of problems) console.log(problem.severity, problem.message, problem.location?.[0]?.pointer);
console.log(totals);
process.exit(totals.errors + totals.warnings + totals.ignored === 0 ? 0 : 1);
