"""The names of the data sets; imports nothing, so that the command line knows them at once."""

__all__ = ["NAMES"]

NAMES = ("streets", "camvid", "cityscapes", "folder")
