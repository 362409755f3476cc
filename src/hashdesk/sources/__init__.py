"""One module per upstream; ``http`` owns the only socket, ``base`` says what all of them share."""
