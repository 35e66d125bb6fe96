#!/usr/bin/env bash
# npm run setup:node-backend [-- --gpu]
# Makes the backend 'node' (TensorFlow's own kernels) work in this checkout without the download of tfjs-node's install
# script: the JavaScript and the addon's C++ sources come from npm, TensorFlow's shared libraries and C headers out of its
# Python wheel, g++ joins them. Nothing is installed into Python; package.json and the lock file stay as they are.
# All of it lies in .node-backend/, with a link from node_modules. Run it again after every `npm ci`: that makes the link
# anew; what is there is kept, also of a run that was interrupted. Linux x86-64 with glibc. Needs npm, pip and g++; as root
# it installs the last two with apt.
# TF_VERSION: another version of TensorFlow (default 2.15.1; with --gpu 2.18.1, for compute capability 6.0 to 9.0).
set -euo pipefail
cd "$(dirname "$0")/.."

# in MiB: what is downloaded, what stays, and what is there for a while beside it
package=tfjs-node wheel=tensorflow-cpu version=${TF_VERSION:-2.15.1} download=300 stays=850 passing=200
case ${1:-} in
  '') ;;
  --gpu)
    package=tfjs-node-gpu wheel=tensorflow version=${TF_VERSION:-2.18.1} download=2500 stays=4200 passing=200 ;;
  *) echo "usage: $0 [--gpu]" >&2; exit 64 ;;
esac
if [ "$(uname -sm)" != 'Linux x86_64' ]; then
  echo "This builds on Linux x86-64 only. Elsewhere: npm install --no-save @tensorflow/$package" >&2
  exit 69
fi

home=$PWD/.node-backend
npm_home=$home/$package
libs=$home/$wheel-$version
scratch=$home/scratch
module=$npm_home/node_modules/@tensorflow/$package
addon=$module/lib/napi-v8 # where node-pre-gyp looks for it
links=node_modules/@tensorflow
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}

# Loads the addon, multiplies and differentiates.
check() {
  PACKAGE=@tensorflow/$package node --conditions=@moect/source --import tsx -e '
    const util = require("node:util");
    util.isNullOrUndefined ??= (value) => value == null; // Node 23 removed both
    util.isArray ??= Array.isArray;
    const tf = require(process.env.PACKAGE);
    const [a, b] = [tf.ones([64, 64]), tf.ones([64, 64])];
    const gradient = tf.grad((x) => tf.matMul(x, b, false, true).sum())(a).dataSync();
    if (tf.getBackend() !== "tensorflow" || !gradient.every((value) => value === 64)) throw new Error("wrong result");
    const { binding, isUsingGpuDevice } = tf.backend();
    const { whyNoGpu } = require("./packages/backend-node/src/nvidia.ts");
    const where = isUsingGpuDevice ? "GPU" : "CPU";
    const why = !isUsingGpuDevice && process.env.PACKAGE.endsWith("gpu") ? `: ${whyNoGpu(binding.TF_Version)}` : "";
    console.log(`${process.env.PACKAGE}: TensorFlow ${binding.TF_Version}, on the ${where}${why}`);'
}

link() {
  mkdir -p "$links"
  rm -rf "${links:?}/$package"
  ln -s "$(realpath --relative-to="$links" "$module")" "$links/$package"
  if [ -e $links/tfjs-node ] && [ -e $links/tfjs-node-gpu ]; then
    echo "tfjs-node and tfjs-node-gpu are both here: moect takes the second where it loads"
  fi
}

if [ -f "$libs/complete" ] && [ "$(cat "$addon/built-with" 2>/dev/null)" = "$version" ]; then
  link
  if check; then exit 0; fi
fi

missing=()
command -v g++ >/dev/null || missing+=(g++)
python3 -m pip --version >/dev/null 2>&1 || missing+=(python3 python3-pip)
if [ ${#missing[@]} != 0 ]; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "Install these first: ${missing[*]}" >&2
    exit 69
  fi
  apt-get update -q
  apt-get install -qy --no-install-recommends "${missing[@]}"
fi

# Two at a time would write the same files. Of a run that was killed, the lock lasts as long as its pip or npm.
mkdir -p "$home"
exec 9>"$home/lock"
flock -n 9 || { echo "Another run is at work in $home: wait for it" >&2; exit 75; }
rm -rf "$scratch"
trap 'rm -rf "$scratch"' EXIT

if [ ! -f "$libs/complete" ]; then
  there=$(du -smc "$npm_home" "$libs.partial" 2>/dev/null | tail -n 1 | cut -f 1 || true)
  free=$(df -Pm "$home" | awk 'NR == 2 { print $4 }')
  echo "@tensorflow/$package with TensorFlow $version: downloads up to $download MiB, keeps $stays MiB in $home" \
    "and needs $((stays + passing)) MiB while it works; $there MiB are there, $free MiB are free"
  if [ $((there + free)) -lt $((stays + passing)) ]; then
    echo "That is too little room on this disk: free $((stays + passing - there - free)) MiB and run it again" >&2
    exit 74
  fi
fi

# The package, without its install script.
if [ ! -f "$module/package.json" ]; then
  mkdir -p "$scratch"
  echo '{ "private": true }' > "$scratch/package.json"
  npm install --prefix "$scratch" --ignore-scripts --no-audit --no-fund --silent \
    "@tensorflow/$package@4.22.0" node-api-headers@1.9.0
  # it must find the checkout's: one engine, and no kernel registered twice
  rm -rf "$scratch"/node_modules/@tensorflow/tfjs-{core,backend-cpu} "$npm_home"
  mv "$scratch" "$npm_home"
fi

# Downloads a wheel and unpacks the files that match; says in `unpacked` what NVIDIA packages it asks for.
unpack() {
  local unpacked=$libs.partial/unpacked/$1
  if [ -f "$unpacked" ]; then return; fi
  mkdir -p "$scratch/tmp" "$(dirname "$unpacked")"
  # any Python can unpack a wheel for 3.11
  TMPDIR=$scratch/tmp python3 -m pip download --disable-pip-version-check --no-cache-dir --no-deps \
    --only-binary=:all: --python-version 3.11 -d "$scratch" "$1"
  python3 scripts/unpack-wheel.py "$libs.partial" "$2" "$scratch"/*.whl > "$scratch/asked"
  mv "$scratch/asked" "$unpacked"
  rm -r "$scratch"
}

# The libraries: tensorflow/*.so.2, tensorflow/include and, for a GPU, nvidia/*/lib beside them.
if [ ! -f "$libs/complete" ]; then
  unpack "$wheel==$version" 'tensorflow/(libtensorflow_(cc|framework)\.so\.2$|include/(.*/)?(c|platform)/.*\.h$)'
  if [ $package = tfjs-node-gpu ]; then
    mapfile -t nvidia < "$libs.partial/unpacked/$wheel==$version"
    for i in "${!nvidia[@]}"; do
      echo "NVIDIA's libraries: $((i + 1)) of ${#nvidia[@]}"
      unpack "${nvidia[i]}" 'nvidia/(?!.*(/include/|\.a$|\.pyc?$))'
    done
  fi
  touch "$libs.partial/complete"
  rm -rf "$libs"
  mv "$libs.partial" "$libs"
fi

# The addon finds the libraries by a path relative to itself, so the checkout can be moved.
mkdir -p "$addon"
g++ -std=c++17 -O2 -fPIC -shared -DNAPI_VERSION=8 \
  -I"$npm_home/node_modules/node-api-headers/include" -I"$libs/tensorflow/include" \
  "$module"/binding/*.cc -o "$addon/tfjs_binding.node" \
  "$libs"/tensorflow/libtensorflow_{cc,framework}.so.2 \
  -Wl,-rpath,"\$ORIGIN/$(realpath --relative-to="$addon" "$libs/tensorflow")"
echo "$version" > "$addon/built-with"
link
check
