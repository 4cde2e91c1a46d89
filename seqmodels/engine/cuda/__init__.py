"""The backend for GPUs: products by torch (cuBLAS), all other work of a step by kernels generated as Triton."""
