"""What holds on a pretrained model; see the marker `real`."""
