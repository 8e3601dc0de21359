#!/usr/bin/env bash
# Measures a GPU: parity with the CPU, whole rounds of pfl-research's CIFAR-10 setting, sweeps of chunk and batch, all models, the
# same after tuning its convolutions, the generator. Needs a prebuilt `imfl` with the card's backend, no network and no other program.
#
#   benches/gpu.sh [DEVICE] [FOLDER]     imfl: $IMFL, or target/release/imfl
#
# DEVICE is cuda:0, wgpu:0, ...; FOLDER (default gpu-DATE) gets everything: one JSON (gpu.json), one table (gpu.txt), and each part.
# SMALL=1 takes sizes that a software driver (Mesa's lavapipe) gets through. Ends with 1 where a device computes something else than the CPU.
set -euo pipefail
cd "$(dirname "$0")/.."
imfl=${IMFL:-target/release/imfl}
device=${1:-auto}
folder=${2:-gpu-$(date +%Y%m%d-%H%M%S)}
mkdir -p "$folder"
IMFL_CACHE=$(cd "$folder" && pwd)/cache
export IMFL_CACHE
unset IMFL_CONVOLUTION
[ -x "$imfl" ] || { echo "gpu.sh: there is no program at $imfl: build it, or name it by IMFL=PATH" >&2; exit 2; }

if [ -n "${SMALL:-}" ]; then
  setting=(--shape 3x8x8 --clients 64 --samples 6 --batch 3 --cohort 8 --rounds 2)
  chunks=1,8 batches=3,6 tuned=(--clients 8 --batch 3) generator=(--side 8 --width 8 --batch 4)
else
  setting=(--shape 3x32x32 --clients 1000 --samples 50 --batch 10 --cohort 50 --rounds 20)
  chunks=5,10,25,50 batches=5,10,25,50 tuned=(--clients 50 --batch 10) generator=()
fi
checks=(--shape 3x8x8 --clients 8 --samples 6 --batch 3 --cohort 8 --rounds 2)
models=mlp,simple-cnn,fedavg-cnn,resnet8-gn

part() { # NAME COMMAND...: a part's JSON, with the seconds that it took
  local name=$1 began=$SECONDS
  shift
  if ! "$@" > "$folder/$name.json" 2> "$folder/$name.log"; then
    echo "gpu.sh: $name failed: $(tail -n 1 "$folder/$name.log")" >&2
    printf '{"failed": true}\n' > "$folder/$name.json"
    failed=1
  fi
  echo "$name: $((SECONDS - began)) s"
}
bench() { "$imfl" --quiet bench train --format json --device "$@"; }
values() { # KEY FILE: every value of a key, in order
  grep -o "\"$1\":[^,}]*" "$2" | sed 's/^[^:]*://'
}

failed=
part devices "$imfl" devices --format json
part cpu bench cpu --workers 1 --model "$models" "${checks[@]}"
part same bench "$device" --model "$models" "${checks[@]}"
part pfl bench "$device" --model simple-cnn "${setting[@]}"
part chunks bench "$device" --model simple-cnn --chunk "$chunks" "${setting[@]}"
part batches bench "$device" --model simple-cnn "${setting[@]}" --batch "$batches"
part models bench "$device" --model "$models" "${setting[@]}"
# Rounds so far went by columns; now each convolution by what is fastest here. Nothing of the user's is read or changed.
shape=${setting[1]}
part tune "$imfl" --quiet devices --tune --format json --device "$device" --model "$models" --shape "$shape" "${tuned[@]}"
part tuned bench "$device" --model "$models" "${setting[@]}"
part generator "$imfl" --quiet bench generate --format json --device "$device" "${generator[@]}"

# The loss of the last round went through every step of all rounds before.
parity=$(paste <(values train_loss "$folder/cpu.json") <(values train_loss "$folder/same.json") | awk '
  { off = ($1 - $2) / $1; if (off < 0) off = -off; if (off > worst) worst = off; rows++ }
  END { if (rows == 0) print "none"; else printf "%.2e", worst }')

{
  echo "device $device: $(tr -d '\n' < "$folder/devices.json")"
  echo "loss against the CPU, off by at most: $parity"
  printf '%-10s %-12s %6s %6s %10s %12s %8s %10s %12s %12s\n' part model batch chunk s/round samples/s launches host_s to_device from_device
  for name in pfl chunks batches models tuned; do
    keys=(model batch chunk median samples_per_second launches host_seconds to_device_bytes from_device_bytes)
    paste $(for key in "${keys[@]}"; do values "$key" "$folder/$name.json" > "$folder/.$key"; echo "$folder/.$key"; done) |
      awk -v part="$name" -F '\t' '{ gsub(/"/, ""); printf "%-10s %-12s %6s %6s %10.5f %12.0f %8s %10.6f %12s %12s\n", part, $1, $2, $3, $4, $5, $6, $7, $8, $9 }'
  done
  echo "generator: $(tr -d '\n' < "$folder/generator.json")"
} > "$folder/gpu.txt"
rm -f "$folder"/.[a-z]*
{
  printf '{"schema":"imfl.gpu/1","device":"%s","parity":"%s","parts":{' "$device" "$parity"
  separator=
  for name in devices cpu same pfl chunks batches models tune tuned generator; do
    printf '%s"%s":%s' "$separator" "$name" "$(cat "$folder/$name.json")"
    separator=,
  done
  printf '}}\n'
} > "$folder/gpu.json"
cat "$folder/gpu.txt"
# Profilers, where there is one: what a round's time goes to, kernel by kernel.
if command -v nsys > /dev/null; then
  nsys profile --force-overwrite true -o "$folder/round" "$imfl" --quiet bench train --device "$device" --model simple-cnn "${setting[@]}" --rounds 2 > /dev/null
  nsys stats --report cuda_gpu_kern_sum "$folder/round.nsys-rep" > "$folder/kernels.txt" || true
fi
[ -z "$failed" ] && awk -v off="$parity" 'BEGIN { exit !(off != "none" && off < 1e-4) }'
