"""Worker processes of this machine as a target: what `moorage up` scales."""
