// Which file imports which, as TypeScript's compiler resolves it: `node edges.mjs TYPESCRIPT ROOT` prints, for every
// JavaScript and TypeScript file below ROOT that standard input lists, "dependent<TAB>dependency", relative to ROOT.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import path from "node:path";

const [compiler, root] = process.argv.slice(2);
const ts = createRequire(import.meta.url)(compiler);
const files = readFileSync(0, "utf8").split("\n").filter(Boolean);
const fallback = {
  allowJs: true, checkJs: false, jsx: ts.JsxEmit.Preserve, resolveJsonModule: true, allowImportingTsExtensions: true,
  module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler, noEmit: true,
};
const configured = new Map();
function options(folder) {
  if (!configured.has(folder)) {
    const found = ts.findConfigFile(folder, ts.sys.fileExists);
    let said = {};
    if (found && path.resolve(found).startsWith(path.resolve(root))) {
      const read = ts.readConfigFile(found, ts.sys.readFile);
      said = ts.parseJsonConfigFileContent(read.config ?? {}, ts.sys, path.dirname(found)).options;
    }
    configured.set(folder, { ...fallback, baseUrl: said.baseUrl, paths: said.paths, pathsBasePath: said.pathsBasePath });
  }
  return configured.get(folder);
}
for (const file of files) {
  const whole = path.join(root, file);
  const said = ts.preProcessFile(readFileSync(whole, "utf8"), true, true);
  const targets = said.importedFiles.map(({ fileName }) =>
    ts.resolveModuleName(fileName, whole, options(path.dirname(whole)), ts.sys).resolvedModule?.resolvedFileName);
  targets.push(...said.referencedFiles.map(({ fileName }) => path.resolve(path.dirname(whole), fileName)));
  for (const target of new Set(targets)) {
    const relative = target && path.relative(root, target);
    if (relative && !relative.startsWith("..") && relative !== file) console.log(`${file}\t${relative}`);
  }
}
