"""Files for finance: detail, breaks and positions as CSV, the detail as a workbook, and a control file over all."""
