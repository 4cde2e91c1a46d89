"""torch's attention written out in products, where there is no mask and nothing is drawn."""

import inspect
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


def _multi_head(*args: Any, **kwargs: Any) -> Any:
    given = _SIGNATURE.bind(*args, **kwargs)
    given.apply_defaults()
    options = given.arguments
    query, weight, bias, heads = (options[name] for name in ("query", "in_proj_weight", "in_proj_bias", "num_heads"))
    is_masked = any(options[name] is not None and options[name] is not False for name in _NOT_WRITTEN)
    if query.dim() != 3 or weight is None or is_masked or (options["dropout_p"] and options["training"]):
        return NotImplemented
    weights, biases = weight.chunk(3), (None,) * 3 if bias is None else bias.chunk(3)
    q, k, v = (
        F.linear(rows.transpose(0, 1), matrix, added).unflatten(-1, (heads, -1)).transpose(1, 2)
        for rows, matrix, added in zip((query, options["key"], options["value"]), weights, biases, strict=True)
    )
    shares = _weights(q, k, q.shape[-1] ** -0.5)
    seen = (shares @ v).transpose(1, 2).flatten(2)
    result = F.linear(seen, options["out_proj_weight"], options["out_proj_bias"]).transpose(0, 1)
    if not options["need_weights"]:
        return result, None
    return result, shares.mean(1) if options["average_attn_weights"] else shares


_SIGNATURE = inspect.signature(F.multi_head_attention_forward)
_NOT_WRITTEN = (
    *("bias_k", "bias_v", "add_zero_attn", "key_padding_mask", "attn_mask", "is_causal"),
    *("use_separate_proj_weight", "static_k", "static_v"),
)
# Each gives NotImplemented for what torch must do itself.
ATTENTION: dict[Any, Callable[..., Any]] = {
    F.scaled_dot_product_attention: _dot_product,
    F.multi_head_attention_forward: _multi_head,
}
