from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, JpegImagePlugin, PngImagePlugin

from maskgen.errors import ImageError
from maskgen.io.images import decode_image, encode_like, image_size, read_image

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """Smooth colour noise (120, 160, 3) RGB with odd structure in every channel."""
    rng = np.random.default_rng(1)
    small = rng.integers(0, 256, (15, 20, 3)).astype(np.uint8)
    return cv2.resize(small, (160, 120), interpolation=cv2.INTER_CUBIC)


def _save(image: np.ndarray, kind: str, mode: str | None = None, **how) -> bytes:
    stream = io.BytesIO()
    picture = Image.fromarray(image)
    (picture.convert(mode) if mode else picture).save(stream, kind, **how)
    return stream.getvalue()


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("quality", [40, 90])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_keeps_tables_subsampling_and_progression(photo, subsampling, quality, progressive) -> None:
    data = _save(photo, "JPEG", quality=quality, subsampling=subsampling, progressive=progressive)
    again = encode_like(decode_image(data), decode_image(data).bgr)
    old, new = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(again))
    assert new.quantization == old.quantization
    assert JpegImagePlugin.get_sampling(new) == subsampling
    assert bool(new.info.get("progressive")) == progressive


def test_decoded_pixels_are_those_of_pillow(photo) -> None:
    for data in (_save(photo, "JPEG", quality=75), _save(photo, "PNG"), _save(photo[..., 0], "JPEG")):
        expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))[..., ::-1]
        np.testing.assert_array_equal(decode_image(data).bgr, expected)


def test_real_jpegs_decode_like_pillow_and_keep_their_tables(samples: Path) -> None:
    paths = (
        sorted((samples / "AFLW2000").glob("*.jpg"))[::100]
        + sorted((samples / "300W_LP").glob("AFW*/*.jpg"))[:3]
    )
    for path in paths:
        source = read_image(path)
        pillow = Image.open(path)
        np.testing.assert_array_equal(source.bgr, np.asarray(pillow.convert("RGB"))[..., ::-1])
        again = Image.open(io.BytesIO(encode_like(source, source.bgr)))
        assert again.quantization == pillow.quantization
        assert JpegImagePlugin.get_sampling(again) == JpegImagePlugin.get_sampling(pillow)
        assert image_size(path) == source.size == pillow.size


def test_real_pngs_come_back_to_the_pixel_and_no_larger(samples: Path) -> None:
    for path in sorted((samples / "BIWI").glob("hpdb/*/*.png"))[:3]:
        source = read_image(path)
        data = encode_like(source, source.bgr)
        np.testing.assert_array_equal(decode_image(data).bgr, source.bgr)
        assert len(data) <= path.stat().st_size


def test_grey_stays_grey_and_unpainted_grey_pixels_keep_their_value(photo) -> None:
    grey = photo[..., 1]
    for kind in ("JPEG", "PNG"):
        source = decode_image(_save(grey, kind))
        assert source.grey
        again = Image.open(io.BytesIO(encode_like(source, source.bgr)))
        assert again.mode == "L"
    np.testing.assert_array_equal(np.asarray(again), grey)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_exif_orientation_is_kept_but_never_applied(photo, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = _save(photo, "JPEG", exif=exif, quality=95)
    plain = _save(photo, "JPEG", quality=95)
    source = decode_image(data)
    assert source.size == (160, 120)
    np.testing.assert_array_equal(source.bgr, decode_image(plain).bgr)
    assert Image.open(io.BytesIO(encode_like(source, source.bgr))).getexif()[0x0112] == orientation


def test_profile_density_and_text_are_carried_over(photo) -> None:
    jpeg = decode_image(_save(photo, "JPEG", icc_profile=b"p" * 99, dpi=(300, 300), comment=b"hello"))
    info = Image.open(io.BytesIO(encode_like(jpeg, jpeg.bgr))).info
    assert info["icc_profile"] == b"p" * 99
    assert info["dpi"] == (300, 300)
    assert info["comment"] == b"hello"
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "hello")
    png = decode_image(_save(photo, "PNG", icc_profile=b"p" * 99, dpi=(300, 300), pnginfo=text))
    info = Image.open(io.BytesIO(encode_like(png, png.bgr))).info
    assert info["icc_profile"] == b"p" * 99
    assert info["dpi"] == pytest.approx((300, 300), abs=0.1)
    assert info["Title"] == "hello"


def test_an_alpha_plane_survives_and_can_be_replaced(photo) -> None:
    alpha = np.arange(120 * 160, dtype=np.uint32).reshape(120, 160).astype(np.uint8)
    source = decode_image(_save(np.dstack([photo, alpha]), "PNG"))
    np.testing.assert_array_equal(source.alpha, alpha)
    kept = Image.open(io.BytesIO(encode_like(source, source.bgr)))
    assert kept.mode == "RGBA"
    np.testing.assert_array_equal(np.asarray(kept), np.dstack([photo, alpha]))
    turned = np.ascontiguousarray(source.bgr[::-1, :100])
    other = np.asarray(Image.open(io.BytesIO(encode_like(source, turned))))
    assert (other[..., 3] == 255).all()
    given = np.asarray(Image.open(io.BytesIO(encode_like(source, source.bgr, alpha[::-1]))))
    np.testing.assert_array_equal(given[..., 3], alpha[::-1])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bit_pixels_that_are_not_painted_keep_every_bit(channels: int) -> None:
    rng = np.random.default_rng(2)
    deep = rng.integers(0, 65536, (40, 50, channels)).astype(np.uint16)
    deep = deep[..., 0] if channels == 1 else deep
    source = decode_image(cv2.imencode(".png", deep)[1].tobytes())
    assert source.grey == (channels == 1)
    painted = source.bgr.copy()
    painted[:10] = 200
    again = cv2.imdecode(np.frombuffer(encode_like(source, painted), np.uint8), cv2.IMREAD_UNCHANGED)
    assert again.dtype == np.uint16
    np.testing.assert_array_equal(again[10:], deep[10:])
    colour = again[:10] if channels == 1 else again[:10, :, :3]
    same = (deep[:10] if channels == 1 else deep[:10, :, :3]) >> 8 == 200
    assert (colour[~same] == 200 * 257).all()


def test_palettes_become_true_colour(photo) -> None:
    palette = Image.fromarray(photo).quantize(16)
    stream = io.BytesIO()
    palette.save(stream, "PNG")
    source = decode_image(stream.getvalue())
    again = Image.open(io.BytesIO(encode_like(source, source.bgr)))
    assert again.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(again), np.asarray(palette.convert("RGB")))


def test_one_bit_pictures_are_read_as_grey() -> None:
    bits = np.indices((16, 16)).sum(0) % 2 == 0
    source = decode_image(_save(bits, "PNG"))
    assert source.grey
    np.testing.assert_array_equal(source.bgr[..., 0], bits * 255)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.999])
def test_a_picture_cut_anywhere_is_an_error_of_one_line(photo, kind: str, share: float) -> None:
    data = _save(photo, kind)
    with pytest.raises(ImageError, match=r"^cut\.x: ") as caught:
        decode_image(data[: int(len(data) * share)], "cut.x")
    assert "\n" not in str(caught.value)


def test_a_thumbnail_in_the_header_does_not_hide_that_the_picture_is_cut(photo) -> None:
    thumbnail = _save(photo[:32, :32], "JPEG")
    exif = b"Exif\0\0" + b"MM\0*\0\0\0\x08\0\0" + thumbnail
    data = _save(photo, "JPEG", exif=exif)
    decode_image(data)
    with pytest.raises(ImageError, match="truncated"):
        decode_image(data[:-200])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"not a picture at all", "not a picture"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "x.jpg"),
    ],
)
def test_what_is_no_picture_is_named_so(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        decode_image(data, "x.jpg")


def test_cmyk_and_other_formats_are_refused_with_what_to_do(photo) -> None:
    with pytest.raises(ImageError, match="CMYK colours are not supported; convert the file to RGB"):
        decode_image(_save(photo, "JPEG", mode="CMYK"))
    with pytest.raises(ImageError, match="GIF pictures are not supported; convert to JPEG or PNG"):
        decode_image(_save(photo[..., 0], "GIF"))


def test_a_missing_file_is_an_image_error(tmp_path: Path) -> None:
    for call in (read_image, image_size):
        with pytest.raises(ImageError, match=r"none\.jpg: cannot be read"):
            call(tmp_path / "none.jpg")


def test_pixels_of_the_wrong_kind_are_refused(photo) -> None:
    source = decode_image(_save(photo, "PNG"))
    for wrong in (photo[..., 0], photo.astype(np.float32)):
        with pytest.raises(ImageError, match=r"must be \(h, w, 3\) uint8"):
            encode_like(source, wrong)


def test_encoding_twice_gives_the_same_bytes(photo) -> None:
    for kind in ("JPEG", "PNG"):
        source = decode_image(_save(photo, kind))
        assert encode_like(source, source.bgr) == encode_like(source, source.bgr)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _in_pieces(data: bytes, size: int = 700) -> list[bytes]:
    """The chunks of a PNG, its pixels in pieces of a few hundred bytes; all checksums are right."""
    at, others, packed = 8, [], b""
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            packed += data[at + 8 : at + 8 + length]
        else:
            others.append(data[at : at + 12 + length])
        at += 12 + length
    pieces = [_chunk(b"IDAT", packed[k : k + size]) for k in range(0, len(packed), size)]
    return [*others[:-1], *pieces, others[-1]]


@pytest.mark.parametrize("writer", ["opencv", "pillow"])
@pytest.mark.parametrize("damage", ["gone", "cut", "empty", "zeros", "ends early", "wrong sum"])
def test_pixels_missing_inside_a_png_are_found_even_where_every_checksum_is_right(
    photo, writer: str, damage: str
) -> None:
    data = _save(photo, "PNG") if writer == "pillow" else cv2.imencode(".png", photo[..., ::-1])[1].tobytes()
    chunks = _in_pieces(data)
    np.testing.assert_array_equal(decode_image(PNG + b"".join(chunks)).bgr, photo[..., ::-1])
    for hit in (3, len(chunks) // 2, len(chunks) - 3):
        content = chunks[hit][8:-4]
        damaged = {
            "gone": [],
            "cut": [_chunk(b"IDAT", content[:-9])],
            "empty": [_chunk(b"IDAT", b"")],
            "zeros": [_chunk(b"IDAT", bytes(len(content)))],
            "ends early": [chunks[-1]],
            "wrong sum": [chunks[hit][:-1] + bytes([chunks[hit][-1] ^ 1])],
        }[damage]
        with pytest.raises(ImageError, match=r"^x\.png: ") as caught:
            decode_image(PNG + b"".join([*chunks[:hit], *damaged, *chunks[hit + 1 :]]), "x.png")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (b"gAMA", struct.pack(">I", 100_000)),
        (b"sRGB", b"\0"),
        (b"bKGD", struct.pack(">3H", 9, 9, 9)),
        (b"eXIf", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"),
        (b"pHYs", struct.pack(">IIB", 2835, 5670, 1)),
        (b"tEXt", b"Comment\0made of chunks"),
    ],
)
def test_chunks_about_meaning_change_no_stored_pixel(photo, kind: bytes, content: bytes) -> None:
    head, *rest = _in_pieces(_save(photo, "PNG"))
    source = decode_image(PNG + b"".join([head, _chunk(kind, content), *rest]))
    np.testing.assert_array_equal(source.bgr, photo[..., ::-1])
    np.testing.assert_array_equal(decode_image(encode_like(source, source.bgr)).bgr, source.bgr)


@pytest.mark.parametrize("how", [{}, {"compress_level": 0}, {"bits": 4}])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "1"])
def test_every_kind_of_png_decodes_like_pillow(photo, mode: str, how: dict) -> None:
    data = _save(
        photo, "PNG", mode, **(how if mode == "P" else {k: v for k, v in how.items() if k != "bits"})
    )
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))[..., ::-1]
    np.testing.assert_array_equal(decode_image(data).bgr, expected)


def test_a_transparent_colour_is_still_seen_as_transparency(photo) -> None:
    colour = tuple(int(v) for v in photo[3, 5])
    source = decode_image(_save(photo, "PNG", transparency=colour))
    assert source.alpha is not None
    np.testing.assert_array_equal(source.alpha == 0, (photo == photo[3, 5]).all(axis=2))


def test_the_filter_changes_no_pixel(photo) -> None:
    source = decode_image(_save(cv2.GaussianBlur(photo, (0, 0), 3.0), "PNG"))
    for resampled in (True, False):
        data = encode_like(source, source.bgr, resampled=resampled)
        np.testing.assert_array_equal(decode_image(data).bgr, source.bgr)


def test_real_pngs_that_are_turned_stay_below_the_source_s_size(samples: Path) -> None:
    for path in sorted((samples / "BIWI").glob("hpdb/*/*.png"))[:3]:
        source = read_image(path)
        turn = cv2.getRotationMatrix2D((319.5, 239.5), 20.0, 1.0)
        turned = cv2.warpAffine(source.bgr, turn, source.size, flags=cv2.INTER_CUBIC)
        assert len(encode_like(source, turned, resampled=True)) <= path.stat().st_size
