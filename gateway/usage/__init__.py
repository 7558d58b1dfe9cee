"""What members used at partners that tell it only when they are asked, and know no reference of ours."""
