"""The shapes that Google's clients send and expect: messages, names, errors, lists."""
