"""Worker processes of one app: which belong together, the files by which they share what they counted, and the sum."""
