"""The backend for GPUs: products ahead of the steps by torch (cuBLAS), the steps by Triton under three drivers."""
