"""A model as PyTorch saves it, in float32, with an input and what it makes of that in float64.

usage: python linear.py OUTDIR SEED
"""
import copy
import os
import sys

import torch
from safetensors.torch import save_file
from torch import nn

out, seed = sys.argv[1], int(sys.argv[2])
torch.manual_seed(seed)
model = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3))
x = torch.randn(4, 5)
output = copy.deepcopy(model).double()(x.double()).detach()
tensors = {**model.state_dict(), "input": x, "output": output}
save_file(tensors, os.path.join(out, "linear.safetensors"))
print({name: (tensor.dtype, list(tensor.shape)) for name, tensor in tensors.items()})
