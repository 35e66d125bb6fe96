#!/usr/bin/env bash
# npm run setup:node-backend [-- --gpu]
# Makes the backend 'node' (TensorFlow's own kernels) work in this checkout without the download of tfjs-node's install
# script: the JavaScript and the addon's C++ sources come from npm, TensorFlow's shared libraries and C headers out of its
# Python wheel, g++ joins them. Nothing is installed into Python; package.json and the lock file stay as they are.
# All of it lies in .node-backend/, with a link from node_modules. Run it again after every `npm ci`: that makes the link
# anew; what is there is kept. Linux x86-64 with glibc. Needs npm, pip and g++; as root it installs the last two with apt.
# TF_VERSION: another version of TensorFlow (default 2.15.1; with --gpu 2.18.1, which has code for GPUs up to Hopper).
set -euo pipefail
cd "$(dirname "$0")/.."

package=tfjs-node wheel=tensorflow-cpu version=${TF_VERSION:-2.15.1}
case ${1:-} in
  '') ;;
  --gpu) package=tfjs-node-gpu wheel=tensorflow version=${TF_VERSION:-2.18.1} ;;
  *) echo "usage: $0 [--gpu]" >&2; exit 64 ;;
esac
if [ "$(uname -sm)" != 'Linux x86_64' ]; then
  echo "This builds on Linux x86-64 only. Elsewhere: npm install --no-save @tensorflow/$package" >&2
  exit 69
fi

home=$PWD/.node-backend
npm_home=$home/$package
libs=$home/$wheel-$version
module=$npm_home/node_modules/@tensorflow/$package
addon=$module/lib/napi-v8 # where node-pre-gyp looks for it
link=node_modules/@tensorflow/$package
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2}

# Loads the addon, multiplies and differentiates.
check() {
  PACKAGE=@tensorflow/$package node -e '
    const util = require("node:util");
    util.isNullOrUndefined ??= (value) => value == null; // Node 23 removed both
    util.isArray ??= Array.isArray;
    const tf = require(process.env.PACKAGE);
    const [a, b] = [tf.ones([64, 64]), tf.ones([64, 64])];
    const gradient = tf.grad((x) => tf.matMul(x, b, false, true).sum())(a).dataSync();
    if (tf.getBackend() !== "tensorflow" || !gradient.every((value) => value === 64)) throw new Error("wrong result");
    const { binding, isUsingGpuDevice } = tf.backend();
    console.log(`${process.env.PACKAGE}: TensorFlow ${binding.TF_Version}, on the ${isUsingGpuDevice ? "GPU" : "CPU"}`);'
}

link() {
  mkdir -p "$(dirname "$link")"
  rm -rf "$link"
  ln -s "$(realpath --relative-to="$(dirname "$link")" "$module")" "$link"
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

# The package, without its install script.
if [ ! -f "$module/package.json" ]; then
  mkdir -p "$npm_home"
  echo '{ "private": true }' > "$npm_home/package.json"
  npm install --prefix "$npm_home" --ignore-scripts --no-audit --no-fund --silent \
    "@tensorflow/$package@4.22.0" node-api-headers@1.9.0
  # it must find the checkout's: one engine, and no kernel registered twice
  rm -rf "$npm_home"/node_modules/@tensorflow/tfjs-{core,backend-cpu}
fi

# The libraries: tensorflow/*.so.2, tensorflow/include and, for a GPU, nvidia/*/lib beside them.
if [ ! -f "$libs/complete" ]; then
  scratch=$(mktemp -d "$home/scratch.XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
  # any Python can unpack a wheel for 3.11
  fetch() {
    echo "downloading $*"
    python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: \
      --python-version 3.11 -d "$scratch/wheels" "$@"
  }
  fetch "$wheel==$version"
  wanted='tensorflow/(libtensorflow_(cc|framework)\.so\.2$|include/(.*/)?(c|platform)/.*\.h$)'
  nvidia=$(python3 scripts/unpack-wheels.py "$scratch/libs" "$wanted" "$scratch"/wheels/tensorflow*.whl)
  if [ $package = tfjs-node-gpu ]; then
    # shellcheck disable=SC2086 # a list
    fetch $nvidia
    python3 scripts/unpack-wheels.py "$scratch/libs" 'nvidia/(?!.*(/include/|\.a$|\.pyc?$))' \
      "$scratch"/wheels/nvidia*.whl >/dev/null
  fi
  touch "$scratch/libs/complete"
  rm -rf "$libs"
  mv "$scratch/libs" "$libs"
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
