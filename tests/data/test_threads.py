import threading

from ssgnet_monai.data.image_files import ImagePair
from ssgnet_monai.data.threads import AHEAD, for_each_pair


def test_images_are_read_a_bounded_number_ahead_and_recorded_as_they_come(tmp_path):
    pairs = [ImagePair(str(index), tmp_path / f"{index}.png", None) for index in range(200)]
    lock, started, finished, ahead = threading.Lock(), [], [], []

    def convert(pair):
        with lock:
            started.append(pair)
            ahead.append(len(started) - len(finished))
        return pair.stem

    results = for_each_pair(convert, pairs, 3, "test", lambda pair, result: finished.append(result))
    assert results == finished == [pair.stem for pair in pairs]
    assert max(ahead) <= AHEAD * 3 + 1
