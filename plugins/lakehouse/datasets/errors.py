"""What can be wrong with a dataset."""


class DatasetError(Exception):
    """The dataset cannot be used; the message names the file and says what to do."""


class DownloadError(DatasetError):
    """The dataset could not be fetched: the server cannot be reached or does not have it."""
