#!/usr/bin/env bash
# Builds tfjs-node in a folder of its own and links it into node_modules, for where its download of libtensorflow is out
# of reach: libtensorflow and its headers come from the Python package tensorflow-cpu, Node's from node-api-headers, and
# TensorFlow.js itself is this project's copy, since two copies share no classes.
#
#     scripts/build_tfjs_node.sh DIR
#
# Linux on x86-64, with Python 3.10 to 3.13 (PYTHON names another than python3), npm and g++. About 1.5 GB; a second run
# does only what is missing.
set -euo pipefail

tfjs_node=4.22.0
tensorflow=2.21.0
headers=1.9.0

say() { echo "build_tfjs_node: $*"; }
fail() {
  say "$*" >&2
  exit 1
}

[ $# -eq 1 ] || fail "expected one argument, the folder to build in; was given $#"
root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python3}
ours=$root/node_modules/@tensorflow

[ -d "$ours/tfjs-core" ] || fail "$ours/tfjs-core is missing: run \`npm ci\` first"
[ "$(uname -sm)" = 'Linux x86_64' ] || fail "tensorflow-cpu has what is needed for Linux x86_64, not $(uname -sm)"
for tool in "$python" npm g++; do
  command -v "$tool" >/dev/null || fail "$tool is not installed"
done

mkdir -p "$1"
cd "$1"
dir=$PWD
package=$dir/node_modules/@tensorflow/tfjs-node
libraries=$dir/tensorflow/tensorflow

if [ -f "$libraries/libtensorflow_cc.so.2" ] && [ -d "tensorflow/tensorflow_cpu-$tensorflow.dist-info" ]; then
  say "tensorflow-cpu $tensorflow is there"
else
  say "installing tensorflow-cpu $tensorflow (300 MB)"
  rm -rf tensorflow
  "$python" -m pip install --quiet --no-deps --target tensorflow "tensorflow-cpu==$tensorflow"
fi

version() { node -p "require('$1/package.json').version" 2>/dev/null; }
if [ "$(version "$package")" = "$tfjs_node" ] && [ "$(version "$dir/node_modules/node-api-headers")" = "$headers" ]; then
  say "tfjs-node $tfjs_node is there"
else
  say "installing tfjs-node $tfjs_node"
  [ -f package.json ] || echo '{ "private": true }' >package.json
  npm install --ignore-scripts --no-audit --no-fund --loglevel error \
    "@tensorflow/tfjs-node@$tfjs_node" "node-api-headers@$headers"
fi

say "taking TensorFlow.js from $ours"
for copy in tfjs-core tfjs-layers tfjs-backend-cpu; do
  rm -rf "node_modules/@tensorflow/$copy"
  ln -s "$ours/$copy" "node_modules/@tensorflow/$copy"
done

say "linking libtensorflow"
mkdir -p "$package/deps/lib"
ln -sfn "$libraries/include" "$package/deps/include"
for library in libtensorflow_cc.so.2 libtensorflow_framework.so.2; do
  ln -sfn "$libraries/$library" "$package/deps/lib/$library"
done

binding=$package/lib/napi-v8/tfjs_binding.node
if [ -f "$binding" ]; then
  say "the binding is there"
else
  say "compiling the binding"
  mkdir -p "$(dirname "$binding")"
  (
    cd "$package/binding"
    g++ -std=c++17 -O2 -fPIC -shared -DNAPI_VERSION=8 -DBUILDING_NODE_EXTENSION \
      -I. -I.. -I../deps/include -I"$dir/node_modules/node-api-headers/include" \
      tfjs_backend.cc tfjs_binding.cc -o "$binding.new" \
      -L../deps/lib -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2 \
      "-Wl,-rpath,\$ORIGIN/../../deps/lib"
    mv "$binding.new" "$binding"
  )
fi

say "trying it"
TF_CPP_MIN_LOG_LEVEL=2 node -e "
  const util = require('util');
  util.isNullOrUndefined ??= (x) => x == null;
  util.isArray ??= Array.isArray;
  const tf = require('$package');
  if (tf.engine() !== require('$ours/tfjs-core').engine()) throw new Error('two copies of tfjs-core');
  const [sum] = tf.sum(tf.matMul(tf.ones([2, 3]), tf.ones([3, 2]))).dataSync();
  if (sum !== 12) throw new Error('a product of ones sums to ' + sum);
" >/dev/null || fail "it does not run"

ln -sfn "$package" "$ours/tfjs-node"
say "done. It is linked into node_modules, until the next npm ci."
