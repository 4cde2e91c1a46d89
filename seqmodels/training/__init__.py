"""Training that survives: truncated BPTT, exact resumption, safe checkpoints, graceful ends."""

from seqmodels.training.checkpoint import SafeCheckpointIO, read_checkpoint
from seqmodels.training.metrics import TokenLoss
from seqmodels.training.monitor import SampleText, TrainingMonitor
from seqmodels.training.nonfinite import NonFiniteGuard
from seqmodels.training.nt_asgd import NTASGD
from seqmodels.training.step_checkpoint import StepCheckpoint
from seqmodels.training.termination import GracefulTermination
from seqmodels.training.truncated_bptt import TruncatedBPTT
from seqmodels.training.wandb_logger import ReliableWandbLogger
from seqmodels.training.wandb_pictures import PictureTable

__all__ = [
    "NTASGD",
    "GracefulTermination",
    "NonFiniteGuard",
    "PictureTable",
    "ReliableWandbLogger",
    "SafeCheckpointIO",
    "SampleText",
    "StepCheckpoint",
    "TokenLoss",
    "TrainingMonitor",
    "TruncatedBPTT",
    "read_checkpoint",
]
