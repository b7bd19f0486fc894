"""Memory: a bounded dictionary that forgets by halves."""

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Memory(Generic[K, V]):
    """Remembers at least the last `size` keys and at most twice as many; what is asked for counts as new.

    Forgetting one by one from the front of a dict is no way: `next(iter(…))` walks over everything that was deleted
    before. Here a full half becomes the old one, and the old one is dropped whole.
    """

    __slots__ = ("_new", "_old", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._new: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """The value, when it is remembered."""
        found = self._new.get(key)
        if found is None and self._old:
            found = self._old.pop(key, None)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: K, value: V) -> None:
        """Remember a value; it is not None."""
        self._new[key] = value
        if len(self._new) >= self._size:
            self._old, self._new = self._new, {}

    def forget(self, key: K) -> None:
        """Forget one."""
        self._new.pop(key, None)
        self._old.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._new.clear()
        self._old.clear()
