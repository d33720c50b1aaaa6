"""How data reaches a step: from arrays on the device, or batch by batch from Python."""
from .feeds import make_feed, whole
from .pydataset import PyDataset

__all__ = ["PyDataset", "make_feed", "whole"]
