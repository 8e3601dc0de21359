#!/usr/bin/env bash
# Makes the images of this folder from the full MNIST, and with a second argument a folder of the training images that are
# in neither part, for a generator to learn from:  assets/mnist/make.sh FOLDER_OF_FULL_MNIST [FOLDER_FOR_THE_REST]
set -euo pipefail
full=$(realpath "$1")
rest=${2:+$(realpath -m "$2")}
cd "$(dirname "$0")/../.."
cargo run --release -- data split --dataset "$full" --train 10000 --test 2000 --corpus 4000 --seed 2024 \
    --out assets/mnist ${rest:+--rest "$rest"}
