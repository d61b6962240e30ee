"""Reads a folder of event files as TensorBoard does and prints what it holds as JSON.

    pip install tensorboard
    python scripts/read_event_files.py DIR
"""

import json
import sys

from tensorboard.backend.event_processing import event_accumulator, event_file_loader
from tensorboard.backend.event_processing.io_wrapper import ListDirectoryAbsolute, IsTensorFlowEventsFile


def main(folder: str) -> None:
    accumulator = event_accumulator.EventAccumulator(
        folder, size_guidance={"scalars": 0, "images": 0, "tensors": 0}, purge_orphaned_data=True
    )
    accumulator.Reload()
    tags = accumulator.Tags()
    # Each record's checksum is checked here: a wrong one is an error.
    files = sorted(path for path in ListDirectoryAbsolute(folder) if IsTensorFlowEventsFile(path))
    events = [sum(1 for _ in event_file_loader.EventFileLoader(path).Load()) for path in files]
    print(
        json.dumps(
            {
                "events": events,
                "version": accumulator.file_version,
                "scalars": {
                    tag: [[event.step, event.value] for event in accumulator.Scalars(tag)]
                    for tag in tags["scalars"]
                },
                "images": {
                    tag: [[e.step, e.width, e.height, len(e.encoded_image_string)] for e in accumulator.Images(tag)]
                    for tag in tags["images"]
                },
            }
        )
    )


main(sys.argv[1])
