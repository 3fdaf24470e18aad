"""What the modules that talk to GPUStack share."""
