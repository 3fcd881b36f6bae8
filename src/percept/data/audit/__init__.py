"""What is wrong with labelled data, found before an hour is spent on training."""

from percept.data.audit.finding import Finding as Finding
from percept.data.audit.pictures import audit_pictures as audit_pictures
from percept.data.audit.tables import audit_table as audit_table
