"""torch's attention written out in products, where there is no mask and nothing is drawn."""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.nn import functional as F


def _dot_product(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    if attn_mask is not None or dropout_p or is_causal or enable_gqa:
        return NotImplemented
    return _weights(query, key, query.shape[-1] ** -0.5 if scale is None else scale) @ value


def _weights(query: Tensor, key: Tensor, scale: float) -> Tensor:
    return (query * scale @ key.transpose(-2, -1)).softmax(-1)


def _multi_head(
    query: Tensor,  # [M, B, E]
    key: Tensor,
    value: Tensor,
    size: int,
    heads: int,
    weight: Tensor | None,
    bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero: bool,
    dropout: float,
    out_weight: Tensor,
    out_bias: Tensor | None,
    training: bool = True,
    need_weights: bool = True,
    average_attn_weights: bool = True,
    **other: Any,
) -> Any:
    has_other = any(option is not None and option is not False for option in (bias_k, *other.values()))
    if query.dim() != 3 or weight is None or has_other or add_zero or (dropout and training):
        return NotImplemented
    weights, biases = weight.chunk(3), (None,) * 3 if bias is None else bias.chunk(3)
    q, k, v = (
        F.linear(rows.transpose(0, 1), matrix, added).unflatten(-1, (heads, -1)).transpose(1, 2)
        for rows, matrix, added in zip((query, key, value), weights, biases, strict=True)
    )
    shares = _weights(q, k, (size // heads) ** -0.5)
    result = F.linear((shares @ v).transpose(1, 2).flatten(2), out_weight, out_bias).transpose(0, 1)
    if not need_weights:
        return result, None
    return result, shares.mean(1) if average_attn_weights else shares


# Each gives NotImplemented for what torch must do itself.
ATTENTION: dict[Any, Callable[..., Any]] = {
    F.scaled_dot_product_attention: _dot_product,
    F.multi_head_attention_forward: _multi_head,
}
