#!/usr/bin/env bash
# Writes a FASTA file of about SIZE million letters (default 12) to stdout, the same on every machine, to try `kmers` on.
set -euo pipefail
awk -v records="${1:-12}" 'BEGIN {
	# The minimal standard generator (Park and Miller): every product is exact in a double.
	seed = 1
	split("A C G T", base, " ")
	for (i = 0; i < 4096; i++)
		word[i] = base[int(i / 1024) % 4 + 1] base[int(i / 256) % 4 + 1] base[int(i / 64) % 4 + 1] \
			base[int(i / 16) % 4 + 1] base[int(i / 4) % 4 + 1] base[i % 4 + 1]
	for (r = 1; r <= records; r++) {
		print ">chromosome_" r
		for (l = 0; l < 16667; l++) {
			line = ""
			for (w = 0; w < 10; w++) {
				seed = (seed * 16807) % 2147483647
				line = line word[int(seed / 8) % 4096]
			}
			print line
		}
	}
}'
