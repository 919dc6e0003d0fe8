"""Moving pictures: GIFs by Pillow; video files, read and written, by PyAV (the extra `video`)."""

from __future__ import annotations

import functools
import importlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import pad

from segprune.errors import InputError
from segprune.records.io import new_file
from segprune.reporting.pictures.lettering import as_image

__all__ = [
    "VIDEO_SUFFIXES", "Video", "in_palette", "open_video", "require_video", "write_gif",
    "write_video",
]  # fmt: skip

VIDEO_SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm")
_COLOURS = 256
_FALLBACK_RATE = Fraction(25)
_QUALITY = {"crf": "20", "preset": "medium"}  # of H.264: text stays sharp
_SHORTEST = 0.02  # seconds of a GIF's frame: browsers slow down anything shorter


@dataclass(frozen=True)
class Video:
    """A video file.

    Attributes:
        rate: frames per second.
        count: of frames as the file says; 0 where it does not.
        size: (H, W).
    """

    path: Path
    rate: Fraction
    count: int
    size: tuple[int, int]

    def __iter__(self) -> Iterator[Tensor]:
        """Frames uint8 `(3, H, W)`, RGB, one after the other.

        Raises:
            InputError: the file is damaged further on.
        """
        av = require_video()
        done = 0
        try:
            with av.open(str(self.path)) as container:
                for frame in container.decode(video=0):
                    pixels = torch.from_numpy(frame.to_ndarray(format="rgb24"))
                    done += 1
                    yield pixels.permute(2, 0, 1).contiguous()
        except av.error.FFmpegError as error:
            raise InputError(
                f"{self.path}: expected a video that can be read to its end, found "
                f"{error.strerror} after {done} frames; repair it, or take fewer frames."
            ) from error


def open_video(path: Path) -> Video:
    """Look at a video file; its frames are read while going through it.

    Raises:
        InputError: the extra is missing, or the file is no video.
    """
    av = require_video()
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise _no_video(path, "no picture in it")
            stream = container.streams.video[0]
            rate = stream.average_rate or stream.base_rate or _FALLBACK_RATE
            size = (stream.codec_context.height, stream.codec_context.width)
            return Video(path, Fraction(rate), stream.frames, size)
    except (av.error.FFmpegError, OSError) as error:
        raise _no_video(path, getattr(error, "strerror", None) or str(error)) from error


def write_gif(
    path: Path,
    frames: Iterable[Tensor],
    rate: float | Fraction = 2,
    kept: Sequence[tuple[int, int, int]] = (),
) -> int:
    """Write an endless GIF; it appears whole or not at all.

    Args:
        frames: uint8 `(3, H, W)` of one size; they are taken one by one. Equal neighbours are
            stored as one that stays longer.
        rate: frames per second, at most 50.
        kept: as for `in_palette`; read after the first frame was taken.

    Returns:
        How many frames there were.

    Raises:
        InputError: no frame, or frames of several sizes.
        ArtifactError: the file cannot be written.
    """
    pictures = _Counted(frames)
    first, rest = _first(path, pictures)
    duration = round(1000 * max(1 / float(rate), _SHORTEST))
    # Opened here: Pillow leaves a file of its own open where a frame raises.
    with new_file(path) as staging, open(staging, "xb") as stream:
        few = functools.partial(in_palette, kept=kept)
        few(first).save(
            stream, format="GIF", save_all=True, append_images=map(few, rest),
            duration=duration, loop=0, optimize=False,
        )  # fmt: skip
    return pictures.count


def write_video(path: Path, frames: Iterable[Tensor], rate: float | Fraction = 25) -> int:
    """Write an MP4 file (H.264), which browsers play; it appears whole or not at all.

    Args:
        frames: uint8 `(3, H, W)` of one size; they are taken one by one. The encoder needs even
            sizes, so that a last odd row or column is repeated.
        rate: frames per second.

    Returns:
        How many frames there were.

    Raises:
        InputError: the extra is missing, no frame, or frames of several sizes.
        ArtifactError: the file cannot be written.
    """
    av = require_video()
    pictures = _Counted(frames)
    first, rest = _first(path, pictures)
    with new_file(path) as staging, av.open(str(staging), "w", format="mp4") as container:
        stream = container.add_stream(_encoder(av), rate=Fraction(rate).limit_denominator(1001))
        even = _even(first)
        stream.height, stream.width = even.shape[-2:]
        stream.pix_fmt = "yuv420p"
        stream.options = dict(_QUALITY)
        for picture in itertools.chain([first], rest):
            pixels = _even(picture).permute(1, 2, 0).contiguous().numpy()
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return pictures.count


def in_palette(
    picture: Tensor, kept: Sequence[tuple[int, int, int]] = (), colours: int = _COLOURS
) -> Image.Image:
    """A picture in few colours, without dithering, which would flicker from frame to frame.

    Args:
        picture: uint8 `(3, H, W)`.
        kept: colours that must stay what they are, such as those of a legend (to within 3 of 255,
            the steps in which Pillow looks them up); where there are too many, the first ones.
        colours: in all, at most 256.
    """
    image = as_image(picture)
    exact = list(dict.fromkeys(kept))[: colours // 2]
    chosen = image.quantize(colours - len(exact), dither=Image.Dither.NONE)
    if not exact:
        return chosen
    palette = Image.new("P", (1, 1))
    values = (chosen.getpalette() or [])[: 3 * (colours - len(exact))]
    palette.putpalette([*(value for colour in exact for value in colour), *values])
    return image.quantize(palette=palette, dither=Image.Dither.NONE)


def require_video() -> Any:
    """PyAV.

    Raises:
        InputError: it is not installed.
    """
    try:
        return importlib.import_module("av")
    except ModuleNotFoundError as error:
        raise InputError(
            "video: expected the package av to read and write videos with, found that it is not "
            "installed; run: pip install 'segprune[video]'. GIFs do without."
        ) from error


# -- frames ----------------------------------------------------------------------------------------


class _Counted:
    """Frames, counted while they go by, all of one size."""

    def __init__(self, frames: Iterable[Tensor]) -> None:
        self.count = 0
        self._frames = frames

    def __iter__(self) -> Iterator[Tensor]:
        size: tuple[int, ...] | None = None
        for frame in self._frames:
            size = size or tuple(frame.shape)
            if tuple(frame.shape) != size:
                raise InputError(
                    f"frames: expected all of the first one's size, {size[2]}x{size[1]}, found "
                    f"{frame.shape[-1]}x{frame.shape[-2]} as number {self.count + 1}; a moving "
                    "picture has one size. Leave such images out, or write single pictures."
                )
            self.count += 1
            yield frame


def _first(path: Path, frames: _Counted) -> tuple[Tensor, Iterator[Tensor]]:
    rest = iter(frames)
    first = next(rest, None)
    if first is None:
        raise InputError(f"{path}: expected frames to write, found none.")
    return first, rest


def _even(frame: Tensor) -> Tensor:
    height, width = frame.shape[-2:]
    even: Tensor = pad(frame, [0, 0, width % 2, height % 2], padding_mode="edge")
    return even


def _encoder(av: Any) -> str:
    """H.264 where the build has it, else the older MPEG-4."""
    try:
        av.codec.Codec("libx264", "w")
    except ValueError:
        return "mpeg4"
    return "libx264"


def _no_video(path: Path, found: str) -> InputError:
    return InputError(
        f"{path}: expected a video ({', '.join(VIDEO_SUFFIXES)}), found {found}; check the file."
    )
