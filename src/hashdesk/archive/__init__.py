"""The archive: a folder of raw tables turned into tables of facts, with our judgements beside the conversions."""
