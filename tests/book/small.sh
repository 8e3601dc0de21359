#!/usr/bin/env bash
# What a page of the book calls `imfl`: the program itself, with little to do. IMFL is its path.
set -euo pipefail
words=("$@")

# put FLAG VALUE: the value in the place of the flag's own, or behind everything.
put() {
  local at
  for at in "${!words[@]}"; do
    if [ "${words[at]}" = "$1" ]; then words[at + 1]=$2; return; fi
  done
  words+=("$1" "$2")
}
# cap FLAG VALUE: the same, but only where the flag stands.
cap() { case " ${words[*]} " in *" $1 "*) put "$1" "$2" ;; esac; }
few() { for pair in "$@"; do put "${pair%%=*}" "${pair#*=}"; done; }

case "${1-} ${2-}" in
  "run "* | "sweep "*)
    for setting in training.model=mlp training.rounds=1 training.local_epochs=1 probe.points=2 probe.images_per_class=4 \
      generator.evaluations=2 generator.train_steps=2 mechanism.pilots=0.1 mechanism.scenarios=10 \
      costs.seconds_per_sample=1e-4 costs.seconds_per_image=1e-3 costs.seconds_for_setup=0.01; do
      words+=(--set "$setting")
    done
    cap --clients 8
    cap --cohort 5
    ;;
  "aigc train")
    few --steps=2 --batch=4 --shards=2
    # One that starts from another has its width.
    case " ${words[*]} " in *" --start "*) ;; *) put --width 8 ;; esac
    ;;
  "aigc sample") few --count=2 --steps=2 ;;
  "aigc assess")
    few --epochs=1 --points=2 --images-per-class=2 --steps=2
    case "${words[*]}" in
      *--validate*) few --model=mlp --lengths=2,1 --trials=1 --clients=3 --client-samples=20 --rounds=1 ;;
      *) few --images=30 --model=mlp ;;
    esac
    ;;
  "mechanism verify") few --clients=3 ;;
  "bench train") few --model=mlp --shape=1x8x8 --clients=8 --cohort=2 --samples=10 --rounds=1 ;;
  "bench generate") few --side=8 --channels=1 --width=8 --batch=2 --shards=1 --steps=1 --images=2 --repeats=1 ;;
  "data split")
    few --train=40 --test=20
    cap --corpus 40
    ;;
esac
exec "$IMFL" "${words[@]}"
